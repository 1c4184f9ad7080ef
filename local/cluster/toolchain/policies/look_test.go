package policies

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

func listed(name, uid, node, address string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(uid)},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: address}, {IP: "fd00::1"}}},
	}
}

// node is an enforcer on node "here", over pods that a test changes.
func node(t *testing.T) (*Enforcer, cache.Indexer) {
	t.Helper()
	indexer := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	pods := indexer()
	e := &Enforcer{
		node: "here", directory: t.TempDir(), lastSeen: map[string]*corev1.Pod{},
		pods:       corelisters.NewPodLister(pods),
		namespaces: corelisters.NewNamespaceLister(indexer()),
		policies:   networkinglisters.NewNetworkPolicyLister(indexer()),
	}
	if err := os.Mkdir(filepath.Join(e.directory, sandboxFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	return e, pods
}

func (e *Enforcer) note(t *testing.T, name string, sandbox Sandbox) {
	t.Helper()
	text, err := json.Marshal(sandbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.directory, sandboxFolder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// seen gives the names of the pods by address; "" stands for a pod that nobody knows.
func (e *Enforcer) seen(t *testing.T) map[string]string {
	t.Helper()
	cluster, err := e.look()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, endpoint := range cluster.Endpoints {
		found[endpoint.Address] = ""
		if endpoint.Pod != nil {
			found[endpoint.Address] = string(endpoint.Pod.UID)
		}
	}
	return found
}

func expect(t *testing.T, found, wanted map[string]string) {
	t.Helper()
	if len(found) != len(wanted) {
		t.Fatalf("%v is not %v", found, wanted)
	}
	for address, pod := range wanted {
		if is, there := found[address]; !there || is != pod {
			t.Fatalf("%v is not %v", found, wanted)
		}
	}
}

func TestAddressesOfOtherNodesAreOfTheirStatus(t *testing.T) {
	e, pods := node(t)
	over := listed("over", "2", "there", "10.0.1.3")
	over.Status.Phase = corev1.PodSucceeded
	host := listed("host", "3", "there", "10.0.0.2")
	host.Spec.HostNetwork = true
	for _, pod := range []*corev1.Pod{listed("far", "1", "there", "10.0.1.2"), over, host, listed("near", "4", "here", "10.0.2.2")} {
		if err := pods.Add(pod); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, e.seen(t), map[string]string{"10.0.1.2": "1"})
}

func TestSandboxKeepsThePodItIsOf(t *testing.T) {
	e, pods := node(t)
	e.note(t, "first", Sandbox{Namespace: "shop", Pod: "db-0", UID: "1", Address: "10.0.2.2"})
	e.note(t, "half"+partSuffix, Sandbox{Address: "10.0.2.9"})
	expect(t, e.seen(t), map[string]string{"10.0.2.2": ""})
	if err := pods.Add(listed("db-0", "1", "here", "")); err != nil {
		t.Fatal(err)
	}
	expect(t, e.seen(t), map[string]string{"10.0.2.2": "1"})
	// Deleted by force, and made again under the same name, while the first one still runs.
	if err := pods.Update(listed("db-0", "2", "here", "")); err != nil {
		t.Fatal(err)
	}
	e.note(t, "second", Sandbox{Namespace: "shop", Pod: "db-0", UID: "2", Address: "10.0.2.3"})
	expect(t, e.seen(t), map[string]string{"10.0.2.2": "1", "10.0.2.3": "2"})
	if err := os.Remove(filepath.Join(e.directory, sandboxFolder, "first")); err != nil {
		t.Fatal(err)
	}
	expect(t, e.seen(t), map[string]string{"10.0.2.3": "2"})
	if len(e.lastSeen) != 1 {
		t.Fatalf("%d pods are remembered", len(e.lastSeen))
	}
}
