package policies

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// recorded is a kernel whose programs only note what they are told; it holds `saved`, and fails the call that starts with `fails`.
func recorded(saved, fails string) (*Kernel, *[]string) {
	calls := &[]string{}
	run := func(input string, argv ...string) (string, error) {
		call := strings.Join(argv, " ")
		if fails != "" && strings.HasPrefix(call, fails) {
			return "", errors.New("failed")
		}
		if call == "ipset save" {
			return saved, nil
		}
		*calls = append(*calls, call+"\n"+input)
		return "", nil
	}
	return &Kernel{run: run}, calls
}

func set(members ...string) Set {
	content := map[string]bool{}
	for _, member := range members {
		content[member] = true
	}
	return Set{Type: "hash:ip", Members: content}
}

const restoreSets = "ipset restore -exist\n"

func TestApply(t *testing.T) {
	kernel, calls := recorded("create other hash:ip family inet\nadd other 10.0.0.1\n"+
		"create bnp-old hash:ip family inet\ncreate bnp-a hash:ip family inet\nadd bnp-a 10.0.0.1\nadd bnp-a 10.0.0.0/8 nomatch\n", "")
	wanted := State{Rules: "rules\n", Sets: map[string]Set{"bnp-a": set("10.0.0.2"), "bnp-b": set("10.0.0.3")}}
	if changed, err := kernel.Apply(wanted); err != nil || !changed {
		t.Fatal(changed, err)
	}
	expected := []string{
		restoreSets + "add bnp-a 10.0.0.2\ncreate bnp-b hash:ip\nadd bnp-b 10.0.0.3\n",
		"iptables-restore --noflush -w 5\nrules\n",
		"iptables -w 5 -t mangle -C FORWARD -j BALLAST-POLICY\n",
		restoreSets + "del bnp-a 10.0.0.0/8\ndel bnp-a 10.0.0.1\ndestroy bnp-old\n",
	}
	if !slices.Equal(*calls, expected) {
		t.Fatalf("%q", *calls)
	}
	*calls = nil
	if changed, err := kernel.Apply(wanted); err != nil || changed || len(*calls) > 0 {
		t.Fatal("the same state again:", changed, err, *calls)
	}
	kernel.Forget()
	kernel.run = func(input string, argv ...string) (string, error) {
		*calls = append(*calls, argv[0])
		return "create bnp-a hash:ip\nadd bnp-a 10.0.0.2\ncreate bnp-b hash:ip\nadd bnp-b 10.0.0.3\n", nil
	}
	if changed, err := kernel.Apply(wanted); err != nil || changed || !slices.Equal(*calls, []string{"ipset", "iptables-restore", "iptables"}) {
		t.Fatal("a look at the kernel:", changed, err, *calls)
	}
	recording, calls := recorded("", "")
	kernel.run = recording.run
	// Only members change: one call, what comes before what goes.
	moved := State{Rules: "rules\n", Sets: map[string]Set{"bnp-a": set(), "bnp-b": set("10.0.0.3", "10.0.0.2")}}
	if _, err := kernel.Apply(moved); err != nil {
		t.Fatal(err)
	}
	if expected := []string{restoreSets + "add bnp-b 10.0.0.2\ndel bnp-a 10.0.0.2\n"}; !slices.Equal(*calls, expected) {
		t.Fatalf("%q", *calls)
	}
}

func TestApplyHooksOnce(t *testing.T) {
	kernel, calls := recorded("", "iptables -w 5 -t mangle -C")
	if _, err := kernel.Apply(State{Rules: "rules\n"}); err != nil {
		t.Fatal(err)
	}
	if last := (*calls)[len(*calls)-1]; last != "iptables -w 5 -t mangle -A FORWARD -j BALLAST-POLICY\n" {
		t.Fatalf("%q", *calls)
	}
}

func TestApplyLooksAgainAfterAFailure(t *testing.T) {
	kernel, _ := recorded("", "iptables-restore")
	wanted := State{Rules: "rules\n", Sets: map[string]Set{"bnp-a": set("10.0.0.2")}}
	if _, err := kernel.Apply(wanted); err == nil {
		t.Fatal("no error")
	}
	whole, calls := recorded("create bnp-a hash:ip family inet\nadd bnp-a 10.0.0.2\n", "")
	kernel.run = whole.run
	if changed, err := kernel.Apply(wanted); err != nil || !changed || len(*calls) != 2 {
		t.Fatal(changed, err, *calls)
	}
}
