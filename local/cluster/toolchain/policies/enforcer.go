// Package policies enforces network policies on the pods of one node: it watches pods, namespaces and policies, and keeps
// iptables rules and ipsets in the node's network namespace that are what the policies say.
package policies

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// Events come in bursts; one look serves those that come within this time.
	gather = 10 * time.Millisecond
	retry  = time.Second
	// Puts right what another program changed.
	resync = time.Minute
	// How long a new pod's network waits for the pod's object and its rules.
	patience = 15 * time.Second
)

// Enforcer looks at the whole state each time, so a missed event or a crash is made good by the next look.
type Enforcer struct {
	node, directory string
	pods            corelisters.PodLister
	namespaces      corelisters.NamespaceLister
	policies        networkinglisters.NetworkPolicyLister
	kernel          *Kernel
	// dirty holds one token when there is something to look at.
	dirty chan struct{}
	// waiting are the pods that may not start before a look that began after they asked.
	waiting chan chan<- struct{}
	// lastSeen are the pods of sandboxes: one deleted by force keeps its rules for as long as it runs.
	lastSeen map[string]*corev1.Pod
}

// Run works until the context ends. The rules stay: an open network is not what anyone asked for.
func Run(ctx context.Context, client kubernetes.Interface, node, directory string) error {
	if err := os.MkdirAll(filepath.Join(directory, sandboxFolder), 0o700); err != nil {
		return err
	}
	if err := awaitAccess(ctx, client); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(withoutManagers))
	e := &Enforcer{
		node:       node,
		directory:  directory,
		pods:       factory.Core().V1().Pods().Lister(),
		namespaces: factory.Core().V1().Namespaces().Lister(),
		policies:   factory.Networking().V1().NetworkPolicies().Lister(),
		kernel:     NewKernel(),
		dirty:      make(chan struct{}, 1),
		waiting:    make(chan chan<- struct{}),
		lastSeen:   map[string]*corev1.Pod{},
	}
	touch := func(any) { e.touch() }
	handler := cache.ResourceEventHandlerFuncs{AddFunc: touch, UpdateFunc: func(_, _ any) { e.touch() }, DeleteFunc: touch}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the list of %v was not read", kind)
		}
	}
	if err := e.listen(ctx); err != nil {
		return err
	}
	e.loop(ctx)
	return nil
}

// awaitAccess returns when the API server answers and lets us in: a new cluster grants the rights a moment after its start.
func awaitAccess(ctx context.Context, client kubernetes.Interface) error {
	said := ""
	return wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{Limit: 1})
		if err != nil && err.Error() != said {
			said = err.Error()
			klog.InfoS("Waiting for the API server", "reason", said)
		}
		return err == nil, nil
	})
}

// withoutManagers drops what is half of an object and asked for by nobody here.
func withoutManagers(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

func (e *Enforcer) touch() {
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

func (e *Enforcer) loop(ctx context.Context) {
	ticker := time.NewTicker(resync)
	defer ticker.Stop()
	pending := []chan<- struct{}{}
	e.touch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.kernel.Forget()
		case done := <-e.waiting:
			// A pod waits for this one: no time to gather.
			pending = append(pending, done)
		case <-e.dirty:
			time.Sleep(gather)
			// What came meanwhile is seen by the look below.
			select {
			case <-e.dirty:
			default:
			}
		}
		if err := e.enforce(); err != nil {
			klog.ErrorS(err, "Rules are as before; will try again")
			time.AfterFunc(retry, e.touch)
			continue
		}
		for _, done := range pending {
			close(done)
		}
		pending = nil
	}
}

func (e *Enforcer) enforce() error {
	began := time.Now()
	cluster, err := e.look()
	if err != nil {
		return err
	}
	state, err := Translate(cluster)
	if err != nil {
		return err
	}
	changed, err := e.kernel.Apply(state)
	if changed {
		klog.InfoS("Enforced", "policies", len(cluster.Policies), "pods", len(cluster.Endpoints), "sets", len(state.Sets),
			"rules", strings.Count(state.Rules, "-A "), "took", time.Since(began).Round(time.Millisecond))
	}
	return err
}

// look gathers what is known now. Addresses of this node's pods come from their sandboxes, of others from their status.
func (e *Enforcer) look() (Cluster, error) {
	cluster := Cluster{Namespaces: map[string]labels.Set{}}
	local, err := sandboxes(e.directory)
	if err != nil {
		return cluster, err
	}
	for name := range e.lastSeen {
		if _, still := local[name]; !still {
			delete(e.lastSeen, name)
		}
	}
	for name, sandbox := range local {
		if pod := podOf(e.pods, sandbox); pod != nil {
			e.lastSeen[name] = pod
		}
		cluster.Endpoints = append(cluster.Endpoints,
			Endpoint{Pod: e.lastSeen[name], Address: sandbox.Address, Link: sandbox.Link, Local: true})
	}
	pods, err := e.pods.List(labels.Everything())
	if err != nil {
		return cluster, err
	}
	for _, pod := range pods {
		over := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if over || pod.Spec.NodeName == e.node || pod.Spec.HostNetwork {
			continue
		}
		for _, address := range pod.Status.PodIPs {
			if ip := net.ParseIP(address.IP); ip.To4() != nil {
				cluster.Endpoints = append(cluster.Endpoints, Endpoint{Pod: pod, Address: address.IP})
			}
		}
	}
	namespaces, err := e.namespaces.List(labels.Everything())
	if err != nil {
		return cluster, err
	}
	for _, namespace := range namespaces {
		cluster.Namespaces[namespace.Name] = namespace.Labels
	}
	cluster.Policies, err = e.policies.List(labels.Everything())
	return cluster, err
}

// listen serves the CNI plugin: it names a sandbox, and hears "ok" when the rules of its pod are in place.
func (e *Enforcer) listen(ctx context.Context) error {
	path := filepath.Join(e.directory, socketFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go e.answer(ctx, connection)
		}
	}()
	return nil
}

func (e *Enforcer) answer(ctx context.Context, connection net.Conn) {
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_ = connection.SetDeadline(deadline)
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return
	}
	reply := "ok"
	if err := e.admit(ctx, strings.TrimSpace(line)); err != nil {
		reply = err.Error()
	}
	// The answer has its own time: the limit above may just have passed.
	_ = connection.SetDeadline(time.Now().Add(retry))
	if _, err := fmt.Fprintln(connection, reply); err != nil {
		klog.ErrorS(err, "The CNI plugin did not wait", "sandbox", line)
	}
}

// admit returns when the sandbox's pod is known and its rules are in place.
func (e *Enforcer) admit(ctx context.Context, name string) error {
	sandbox, err := readSandbox(e.directory, name)
	if err != nil {
		return err
	}
	known := func(context.Context) (bool, error) { return podOf(e.pods, sandbox) != nil, nil }
	if err := wait.PollUntilContextCancel(ctx, gather, true, known); err != nil {
		return fmt.Errorf("pod %s/%s (%s) is not known to the API server", sandbox.Namespace, sandbox.Pod, sandbox.UID)
	}
	done := make(chan struct{})
	select {
	case e.waiting <- done:
	case <-ctx.Done():
		return errors.New("rules could not be set in time; see the log of network-policies")
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("rules could not be set in time; see the log of network-policies")
	}
}
