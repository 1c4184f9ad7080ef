package policies

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// Two pods of namespace "shop" and one of "lab" stand on this node, another of "shop" elsewhere.
const (
	web     = "10.1.1.2"
	data    = "10.1.1.3"
	probe   = "10.1.1.4"
	remote  = "10.1.2.2"
	lost    = "10.1.1.9"
	outside = "192.0.2.7"
)

func pod(namespace, app string, ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: app, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}},
	}
}

func cluster(t *testing.T, specs ...string) State {
	t.Helper()
	cluster := Cluster{
		Namespaces: map[string]labels.Set{"shop": {"team": "shop"}, "lab": {"team": "lab"}},
		Endpoints: []Endpoint{
			{Pod: pod("shop", "web"), Address: web, Local: true, Link: "veth1"},
			{Pod: pod("shop", "data",
				corev1.ContainerPort{Name: "sql", ContainerPort: 5432, Protocol: corev1.ProtocolTCP},
				corev1.ContainerPort{Name: "sql", ContainerPort: 53, Protocol: corev1.ProtocolUDP}),
				Address: data, Local: true, Link: "veth2"},
			{Pod: pod("lab", "probe"), Address: probe, Local: true, Link: "veth3"},
			{Pod: pod("shop", "remote", corev1.ContainerPort{Name: "sql", ContainerPort: 6000}), Address: remote},
			{Address: lost, Local: true},
		},
	}
	for _, text := range specs {
		policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "policy"}}
		if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
			t.Fatal(err)
		}
		cluster.Policies = append(cluster.Policies, policy)
	}
	state, err := Translate(cluster)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

const denyAll = `{podSelector: {}, policyTypes: [Ingress, Egress]}`

func forData(rest string) string {
	return `{podSelector: {matchLabels: {app: data}}, ` + rest + `}`
}

func TestTranslate(t *testing.T) {
	web2data := packet{from: web, to: data, port: 5432}
	cases := []struct {
		name     string
		policies []string
		passes   []packet
		dropped  []packet
	}{
		{
			name:    "nothing is isolated without a policy",
			passes:  []packet{web2data, {from: outside, to: web, port: 80}, {from: probe, to: outside, protocol: "icmp"}},
			dropped: []packet{{from: lost, to: web, port: 80}, {from: web, to: lost, port: 80}},
		},
		{
			name:     "deny all is for the policy's namespace, on this node, and not for a pod and itself",
			policies: []string{denyAll},
			passes: []packet{{from: probe, to: outside, port: 80}, {from: remote, to: outside, port: 80},
				{from: outside, to: remote, port: 80}, {from: web, to: web, port: 80, link: "veth1"}},
			dropped: []packet{web2data, {from: web, to: probe, port: 80}, {from: probe, to: web, port: 80},
				{from: remote, to: web, port: 80}, {from: web, to: web, port: 80, link: "eth0"}, {from: web, to: outside, protocol: "icmp"}},
		},
		{
			name:     "types default to ingress",
			policies: []string{forData(`ingress: []`)},
			passes:   []packet{{from: data, to: web, port: 80}},
			dropped:  []packet{web2data},
		},
		{
			name:     "types default to both with egress rules",
			policies: []string{forData(`egress: [{to: [{podSelector: {}}]}]`)},
			passes:   []packet{{from: data, to: web, port: 80}, {from: data, to: remote, port: 80}},
			dropped:  []packet{web2data, {from: data, to: probe, port: 80}},
		},
		{
			name:     "an empty rule allows all",
			policies: []string{denyAll, forData(`ingress: [{}], policyTypes: [Ingress]`)},
			passes:   []packet{{from: probe, to: data, port: 1}, {from: outside, to: data, protocol: "icmp"}},
			dropped:  []packet{{from: data, to: outside, port: 1}, web2data},
		},
		{
			name:     "pods by label are of the policy's own namespace",
			policies: []string{forData(`ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [remote]}]}}]}]`)},
			passes:   []packet{web2data},
			dropped:  []packet{{from: remote, to: data, port: 5432}, {from: probe, to: data, port: 5432}},
		},
		{
			name:     "namespaces by label, with all their pods",
			policies: []string{forData(`ingress: [{from: [{namespaceSelector: {matchLabels: {team: lab}}}]}]`)},
			passes:   []packet{{from: probe, to: data, port: 5432}},
			dropped:  []packet{web2data},
		},
		{
			name: "both selectors of one peer narrow, two peers add",
			policies: []string{forData(`ingress: [{from: [
				{namespaceSelector: {}, podSelector: {matchLabels: {app: probe}}}, {podSelector: {matchLabels: {app: remote}}}]}]`)},
			passes:  []packet{{from: probe, to: data, port: 1}, {from: remote, to: data, port: 1}},
			dropped: []packet{web2data},
		},
		{
			name:     "a block of addresses, less others",
			policies: []string{forData(`ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.64/26, 192.0.2.9/32]}}]}]`)},
			passes:   []packet{{from: outside, to: data, port: 1}},
			dropped:  []packet{{from: "192.0.2.70", to: data, port: 1}, {from: "192.0.2.9", to: data, port: 1}, web2data},
		},
		{
			name:     "all addresses, less others",
			policies: []string{forData(`egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]`)},
			passes:   []packet{{from: data, to: outside, port: 1}, {from: data, to: "8.8.8.8", port: 1}},
			dropped:  []packet{{from: data, to: web, port: 1}},
		},
		{
			name:     "a block of IPv6 lets no IPv4 in",
			policies: []string{forData(`ingress: [{from: [{ipBlock: {cidr: "2001:db8::/32"}}]}]`)},
			dropped:  []packet{web2data},
		},
		{
			name: "ports, ranges and protocols",
			policies: []string{forData(`ingress: [{ports: [{port: 80}, {port: 100, endPort: 110},
				{port: 53, protocol: UDP}, {port: 90, endPort: 92, protocol: SCTP}, {protocol: SCTP, port: 7}]}]`)},
			passes: []packet{{from: web, to: data, port: 80}, {from: web, to: data, port: 100}, {from: web, to: data, port: 110},
				{from: web, to: data, port: 53, protocol: "udp"}, {from: web, to: data, port: 91, protocol: "sctp"},
				{from: web, to: data, port: 7, protocol: "sctp"}},
			dropped: []packet{{from: web, to: data, port: 53}, {from: web, to: data, port: 111}, {from: web, to: data, port: 80, protocol: "udp"}},
		},
		{
			name:     "a protocol alone is all of its ports",
			policies: []string{forData(`ingress: [{ports: [{protocol: UDP}]}]`)},
			passes:   []packet{{from: web, to: data, port: 9, protocol: "udp"}},
			dropped:  []packet{web2data},
		},
		{
			name:     "a port's name is the listening pod's, going in",
			policies: []string{forData(`ingress: [{ports: [{port: sql}]}]`)},
			passes:   []packet{web2data},
			dropped:  []packet{{from: web, to: data, port: 6000}, {from: web, to: data, port: 53, protocol: "udp"}},
		},
		{
			name:     "and going out",
			policies: []string{`{podSelector: {matchLabels: {app: web}}, egress: [{to: [{podSelector: {matchLabels: {app: remote}}}], ports: [{port: sql}]}]}`},
			passes:   []packet{{from: web, to: remote, port: 6000}},
			dropped:  []packet{{from: web, to: remote, port: 5432}, web2data},
		},
		{
			name:     "policies add up, and both ends must allow",
			policies: []string{denyAll, forData(`ingress: [{from: [{podSelector: {}}], ports: [{port: 1}]}]`), forData(`ingress: [{from: [{podSelector: {}}], ports: [{port: 2}]}]`), `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 2}]}]}`},
			passes:   []packet{{from: web, to: data, port: 2}, {from: remote, to: data, port: 1}},
			dropped:  []packet{{from: web, to: data, port: 1}, {from: web, to: data, port: 3}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			state := cluster(t, c.policies...)
			for _, p := range c.passes {
				if !passes(t, state, p) {
					t.Errorf("%+v is dropped by\n%s", p, state.Rules)
				}
			}
			for _, p := range c.dropped {
				if passes(t, state, p) {
					t.Errorf("%+v passes\n%s", p, state.Rules)
				}
			}
		})
	}
}

func TestRulesDoNotChangeWithPods(t *testing.T) {
	spec := forData(`ingress: [{from: [{podSelector: {}}], ports: [{port: sql}]}]`)
	before := cluster(t, spec)
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "policy"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &policy.Spec); err != nil {
		t.Fatal(err)
	}
	after, err := Translate(Cluster{Policies: []*networkingv1.NetworkPolicy{policy}})
	if err != nil {
		t.Fatal(err)
	}
	if before.Rules != after.Rules {
		t.Errorf("rules differ:\n%s\n%s", before.Rules, after.Rules)
	}
}

func TestNamesFitTheKernel(t *testing.T) {
	state := cluster(t, denyAll)
	for name := range state.Sets {
		if len(name) > 31 {
			t.Errorf("set name %s is longer than 31 characters", name)
		}
	}
	long := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("p", 253)}}
	long.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	state, err := Translate(Cluster{Policies: []*networkingv1.NetworkPolicy{long}})
	if err != nil {
		t.Fatal(err)
	}
	_, comment, _ := strings.Cut(state.Rules, `--comment "`)
	if comment, _, _ = strings.Cut(comment, `"`); len(comment) != longestComment {
		t.Errorf("the comment has %d characters", len(comment))
	}
}
