package policies

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// peer gives the set of a peer's addresses; "" for a block of IPv6, of which no pod here has an address.
func (t *translation) peer(namespace string, peer networkingv1.NetworkPolicyPeer) (string, error) {
	if peer.IPBlock != nil {
		return t.block(peer.IPBlock)
	}
	pods, err := selectorOrAll(peer.PodSelector)
	if err != nil {
		return "", err
	}
	if peer.NamespaceSelector == nil {
		return t.set("hash:ip", fmt.Sprintf("pods %s %s", namespace, pods), func(e Endpoint) []string {
			return members(e.Pod != nil && e.Pod.Namespace == namespace && pods.Matches(labels.Set(e.Pod.Labels)), e.Address)
		}), nil
	}
	namespaces, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	if err != nil {
		return "", err
	}
	return t.set("hash:ip", fmt.Sprintf("pods of namespaces (%s) %s", namespaces, pods), func(e Endpoint) []string {
		selected := e.Pod != nil && namespaces.Matches(t.cluster.Namespaces[e.Pod.Namespace]) && pods.Matches(labels.Set(e.Pod.Labels))
		return members(selected, e.Address)
	}), nil
}

func selectorOrAll(selector *metav1.LabelSelector) (labels.Selector, error) {
	if selector == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(selector)
}

func (t *translation) block(block *networkingv1.IPBlock) (string, error) {
	content := map[string]bool{}
	for index, cidr := range append([]string{block.CIDR}, block.Except...) {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return "", err
		}
		if !network.Addr().Is4() {
			return "", nil
		}
		suffix := ""
		if index > 0 {
			suffix = " nomatch"
		}
		for _, member := range networkMembers(network.Masked()) {
			content[member+suffix] = true
		}
	}
	name := setName("hash:net", fmt.Sprintf("block %s %q", block.CIDR, block.Except))
	t.sets[name] = Set{Type: "hash:net", Members: content}
	return name, nil
}

// networkMembers writes a network as ipset does: no prefix for one address, and two halves for all of them.
func networkMembers(network netip.Prefix) []string {
	switch network.Bits() {
	case 0:
		return []string{"0.0.0.0/1", "128.0.0.0/1"}
	case 32:
		return []string{network.Addr().String()}
	}
	return []string{network.String()}
}

func (t *translation) port(port networkingv1.NetworkPolicyPort) string {
	protocol := corev1.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	lower := strings.ToLower(string(protocol))
	if port.Port == nil {
		return " -p " + lower
	}
	if port.Port.Type == intstr.String {
		return match(t.named(protocol, port.Port.StrVal), "dst,dst")
	}
	span := fmt.Sprint(port.Port.IntVal)
	if port.EndPort != nil {
		span = fmt.Sprintf("%d:%d", port.Port.IntVal, *port.EndPort)
	}
	if protocol == corev1.ProtocolSCTP {
		// Kernels without a match of its own for SCTP have this one.
		return " -p sctp -m multiport --dports " + span
	}
	return fmt.Sprintf(" -p %s --dport %s", lower, span)
}

// named holds every pod's port of that name: the pod that listens decides what a name means.
func (t *translation) named(protocol corev1.Protocol, name string) string {
	return t.set("hash:ip,port", fmt.Sprintf("port %s %s", protocol, name), func(e Endpoint) []string {
		found := []string{}
		if e.Pod == nil {
			return found
		}
		for _, container := range listeners(e.Pod) {
			for _, port := range container.Ports {
				if port.Name == name && (port.Protocol == protocol || port.Protocol == "" && protocol == corev1.ProtocolTCP) {
					found = append(found, fmt.Sprintf("%s,%s:%d", e.Address, strings.ToLower(string(protocol)), port.ContainerPort))
				}
			}
		}
		return found
	})
}

// listeners are the containers that run for as long as the pod does.
func listeners(pod *corev1.Pod) []corev1.Container {
	containers := slices.Clone(pod.Spec.Containers)
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, container)
		}
	}
	return containers
}
