package policies

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// packet is the first one of a connection.
type packet struct {
	from, to string
	protocol string
	port     int
	// link is where it leaves the node.
	link string
}

// passes runs a packet through the rules as the kernel would, and fails the test on a rule that it cannot read.
func passes(t *testing.T, state State, p packet) bool {
	t.Helper()
	if p.protocol == "" {
		p.protocol = "tcp"
	}
	chains := map[string][]string{}
	for line := range strings.Lines(state.Rules) {
		if rest, isRule := strings.CutPrefix(strings.TrimSpace(line), "-A "); isRule {
			chain, rule, _ := strings.Cut(rest, " ")
			chains[chain] = append(chains[chain], rule)
		}
	}
	return walk(t, state, chains, policyChain, p)
}

func walk(t *testing.T, state State, chains map[string][]string, chain string, p packet) bool {
	t.Helper()
	for _, rule := range chains[chain] {
		matched, target := decide(t, state, rule, p)
		if !matched {
			continue
		}
		switch target {
		case "RETURN":
			return true
		case "DROP":
			return false
		default:
			if !walk(t, state, chains, target, p) {
				return false
			}
		}
	}
	return true
}

func decide(t *testing.T, state State, rule string, p packet) (matched bool, target string) {
	t.Helper()
	words := strings.Fields(rule)
	matched = true
	for index := 0; index < len(words); {
		rest := words[index:]
		switch {
		case rest[0] == "-j":
			return matched, rest[1]
		case rest[0] == "-p":
			matched = matched && rest[1] == p.protocol
			index += 2
		case rest[0] == "--dport" || rest[0] == "--dports":
			matched = matched && spans(t, rest[1], p.port)
			index += 2
		case rest[0] == "-m" && rest[1] == "set":
			set, known := state.Sets[rest[3]]
			if !known {
				t.Fatalf("rule %q names a set that is not there", rule)
			}
			matched = matched && contains(t, set, rest[4], p)
			index += 5
		case rest[0] == "-m" && rest[1] == "conntrack":
			matched = false
			index += 4
		case rest[0] == "-m" && rest[1] == "comment":
			index += 4
		case rest[0] == "-m" && rest[1] == "multiport":
			index += 2
		default:
			t.Fatalf("rule %q: cannot read %q", rule, rest[0])
		}
	}
	t.Fatalf("rule %q goes nowhere", rule)
	return false, ""
}

func spans(t *testing.T, ports string, port int) bool {
	t.Helper()
	first, last, isRange := strings.Cut(ports, ":")
	if !isRange {
		last = first
	}
	low, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	high, err := strconv.Atoi(last)
	if err != nil {
		t.Fatal(err)
	}
	return low <= port && port <= high
}

func contains(t *testing.T, set Set, flags string, p packet) bool {
	t.Helper()
	address := p.to
	if strings.HasPrefix(flags, "src") {
		address = p.from
	}
	switch set.Type {
	case "hash:ip":
		return set.Members[address]
	case "hash:ip,port":
		return set.Members[fmt.Sprintf("%s,%s:%d", address, p.protocol, p.port)]
	case "hash:net,iface":
		return set.Members[address+","+p.link]
	case "hash:net":
		return longest(t, set, address)
	}
	t.Fatalf("no set type %q", set.Type)
	return false
}

// longest decides by the narrowest network, as the kernel does.
func longest(t *testing.T, set Set, address string) bool {
	t.Helper()
	best, allowed := -1, false
	for member := range set.Members {
		cidr, excepted := strings.CutSuffix(member, " nomatch")
		if !strings.Contains(cidr, "/") {
			cidr += "/32"
		}
		network := netip.MustParsePrefix(cidr)
		if network.Contains(netip.MustParseAddr(address)) && network.Bits() > best {
			best, allowed = network.Bits(), !excepted
		}
	}
	return allowed
}
