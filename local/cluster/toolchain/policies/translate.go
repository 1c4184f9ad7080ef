package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Cluster is what policies speak of, as one node sees it.
type Cluster struct {
	Endpoints  []Endpoint
	Namespaces map[string]labels.Set
	Policies   []*networkingv1.NetworkPolicy
}

// Endpoint is a pod with an address of its own. Policies are enforced on the Local ones, on their node.
type Endpoint struct {
	// Pod is nil for a local address whose pod nobody knows any more: it gets no new connection at all.
	Pod     *corev1.Pod
	Address string
	Local   bool
	// Link is the node's end of a local pod's cable.
	Link string
}

// State is what the kernel is to hold: named sets of addresses, and rules that match on them.
type State struct {
	Sets  map[string]Set
	Rules string
}

// Set is an ipset; each member is written as `ipset save` writes it.
type Set struct {
	Type    string
	Members map[string]bool
}

const (
	setPrefix    = "bnp-"
	policyChain  = "BALLAST-POLICY"
	egressChain  = "BALLAST-EGRESS"
	ingressChain = "BALLAST-INGRESS"
	// iptables takes 255 characters.
	longestComment = 255
)

// direction says at which end of a packet the policy's pods and their peers are.
type direction struct{ chain, own, peer string }

var (
	egress  = direction{chain: egressChain, own: "src", peer: "dst"}
	ingress = direction{chain: ingressChain, own: "dst", peer: "src"}
)

type translation struct {
	cluster   Cluster
	sets      map[string]Set
	isolation []string
	allowed   map[string][]string
}

// Translate gives the kernel's state for a cluster. A set is named after what it selects and a rule names only sets, so pods
// that come and go change members, and only a change of a policy changes rules.
func Translate(cluster Cluster) (State, error) {
	t := &translation{cluster: cluster, sets: map[string]Set{}, allowed: map[string][]string{}}
	for _, policy := range cluster.Policies {
		if err := t.policy(policy); err != nil {
			return State{}, fmt.Errorf("network policy %s/%s: %w", policy.Namespace, policy.Name, err)
		}
	}
	return State{Rules: t.rules(), Sets: t.sets}, nil
}

func (t *translation) rules() string {
	unknown := t.set("hash:ip", "unknown", func(e Endpoint) []string {
		return members(e.Pod == nil, e.Address)
	})
	self := t.set("hash:net,iface", "self", func(e Endpoint) []string {
		return members(e.Local && e.Link != "", e.Address+","+e.Link)
	})
	lines := []string{"*mangle"}
	for _, chain := range []string{policyChain, egressChain, ingressChain} {
		lines = append(lines, fmt.Sprintf(":%s - [0:0]", chain))
	}
	lines = append(lines,
		"-A "+policyChain+" -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
		// No policy can keep a pod from itself; by way of a Service it leaves by its cable and comes back by it.
		"-A "+policyChain+match(self, "src,dst")+" -j RETURN",
		"-A "+policyChain+match(unknown, "src")+" -j DROP",
		"-A "+policyChain+match(unknown, "dst")+" -j DROP",
	)
	lines = append(lines, distinct(t.isolation)...)
	for _, chain := range []string{egressChain, ingressChain} {
		lines = append(lines, distinct(t.allowed[chain])...)
		lines = append(lines, "-A "+chain+" -j DROP")
	}
	return strings.Join(append(lines, "COMMIT"), "\n") + "\n"
}

// distinct also sorts: the order of rules that allow has no meaning, and the same policies give the same text.
func distinct(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}

func (t *translation) policy(policy *networkingv1.NetworkPolicy) error {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		return err
	}
	own := t.set("hash:ip", fmt.Sprintf("local %s %s", policy.Namespace, selector), func(e Endpoint) []string {
		selected := e.Local && e.Pod != nil && e.Pod.Namespace == policy.Namespace && selector.Matches(labels.Set(e.Pod.Labels))
		return members(selected, e.Address)
	})
	types := policyTypes(policy)
	if slices.Contains(types, networkingv1.PolicyTypeEgress) {
		t.isolate(egress, own)
		for _, rule := range policy.Spec.Egress {
			if err := t.rule(egress, policy, own, rule.To, rule.Ports); err != nil {
				return err
			}
		}
	}
	if slices.Contains(types, networkingv1.PolicyTypeIngress) {
		t.isolate(ingress, own)
		for _, rule := range policy.Spec.Ingress {
			if err := t.rule(ingress, policy, own, rule.From, rule.Ports); err != nil {
				return err
			}
		}
	}
	return nil
}

func policyTypes(policy *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(policy.Spec.PolicyTypes) > 0 {
		return policy.Spec.PolicyTypes
	}
	if len(policy.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

func (t *translation) isolate(d direction, own string) {
	t.isolation = append(t.isolation, "-A "+policyChain+match(own, d.own)+" -j "+d.chain)
}

// rule allows what one rule of a policy allows: each of its peers at each of its ports. None named means all.
func (t *translation) rule(d direction, policy *networkingv1.NetworkPolicy, own string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) error {
	peerMatches := []string{}
	for _, peer := range peers {
		set, err := t.peer(policy.Namespace, peer)
		if err != nil {
			return err
		}
		if set != "" {
			peerMatches = append(peerMatches, match(set, d.peer))
		}
	}
	if len(peers) == 0 {
		peerMatches = append(peerMatches, "")
	}
	portMatches := []string{}
	for _, port := range ports {
		portMatches = append(portMatches, t.port(port))
	}
	if len(ports) == 0 {
		portMatches = append(portMatches, "")
	}
	comment := policy.Namespace + "/" + policy.Name
	comment = fmt.Sprintf(` -m comment --comment "%s"`, comment[:min(len(comment), longestComment)])
	for _, peer := range peerMatches {
		for _, port := range portMatches {
			t.allowed[d.chain] = append(t.allowed[d.chain], "-A "+d.chain+match(own, d.own)+peer+port+comment+" -j RETURN")
		}
	}
	return nil
}

func (t *translation) set(kind, key string, of func(Endpoint) []string) string {
	name := setName(kind, key)
	if _, known := t.sets[name]; known {
		return name
	}
	set := Set{Type: kind, Members: map[string]bool{}}
	for _, endpoint := range t.cluster.Endpoints {
		for _, member := range of(endpoint) {
			set.Members[member] = true
		}
	}
	t.sets[name] = set
	return name
}

// setName is short enough for the kernel (31 characters) and the same for the same meaning, after a restart too.
func setName(kind, key string) string {
	sum := sha256.Sum256([]byte(kind + " " + key))
	return setPrefix + hex.EncodeToString(sum[:10])
}

func members(condition bool, member string) []string {
	if !condition {
		return nil
	}
	return []string{member}
}

func match(set, flags string) string {
	return fmt.Sprintf(" -m set --match-set %s %s", set, flags)
}
