package policies

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// Seconds that iptables waits while another program holds its lock.
const lockWait = "5"

// Kernel brings this network namespace to a State: its sets by ipset, its rules by iptables, in a table whose FORWARD chain
// comes before the one where kube-proxy lets marked packets through.
type Kernel struct {
	run func(input string, argv ...string) (string, error)
	// held is what the kernel holds; nil when it has to be asked.
	held *State
	// ruled is the text of the rules that were set last.
	ruled string
}

// NewKernel is the one that this process runs on.
func NewKernel() *Kernel {
	return &Kernel{run: execute}
}

// Forget makes the next Apply look at what is really there.
func (k *Kernel) Forget() {
	k.held = nil
}

// Apply changes what differs, and tells whether anything did. Members come before rules, and go after them, so that at no instant a pod is less isolated than
// both before and after; all rules change at once.
func (k *Kernel) Apply(wanted State) (changed bool, err error) {
	if k.held == nil {
		if k.held, err = k.read(); err != nil {
			return false, err
		}
	}
	held := *k.held
	// Whatever fails below: look again next time.
	k.held = nil
	grow, shrink := difference(held.Sets, wanted.Sets)
	changed = k.ruled != wanted.Rules || len(grow)+len(shrink) > 0
	ruled := held.Rules != wanted.Rules
	if !ruled {
		grow, shrink = append(grow, shrink...), nil
	}
	if err := k.sets(grow); err != nil {
		return false, err
	}
	if ruled {
		if err := k.rules(wanted.Rules); err != nil {
			return false, err
		}
	}
	if err := k.sets(shrink); err != nil {
		return false, err
	}
	k.held, k.ruled = &wanted, wanted.Rules
	return changed, nil
}

func difference(held, wanted map[string]Set) (grow, shrink []string) {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		set, known := held[name]
		if !known {
			grow = append(grow, fmt.Sprintf("create %s %s", name, wanted[name].Type))
		}
		for _, member := range slices.Sorted(maps.Keys(wanted[name].Members)) {
			if !set.Members[member] {
				grow = append(grow, fmt.Sprintf("add %s %s", name, member))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(held)) {
		set, still := wanted[name]
		if !still {
			shrink = append(shrink, "destroy "+name)
			continue
		}
		for _, member := range slices.Sorted(maps.Keys(held[name].Members)) {
			if !set.Members[member] {
				shrink = append(shrink, fmt.Sprintf("del %s %s", name, strings.TrimSuffix(member, " nomatch")))
			}
		}
	}
	return grow, shrink
}

func (k *Kernel) sets(commands []string) error {
	if len(commands) == 0 {
		return nil
	}
	_, err := k.run(strings.Join(commands, "\n")+"\n", "ipset", "restore", "-exist")
	return err
}

func (k *Kernel) rules(text string) error {
	if _, err := k.run(text, "iptables-restore", "--noflush", "-w", lockWait); err != nil {
		return err
	}
	hook := func(action string) error {
		_, err := k.run("", "iptables", "-w", lockWait, "-t", "mangle", action, "FORWARD", "-j", policyChain)
		return err
	}
	if hook("-C") == nil {
		return nil
	}
	return hook("-A")
}

// read gives the sets of ours that are there. Rules are not read back: none are taken to be there, and they are set anew.
func (k *Kernel) read() (*State, error) {
	text, err := k.run("", "ipset", "save")
	if err != nil {
		return nil, err
	}
	state := &State{Sets: map[string]Set{}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(fields[1], setPrefix) {
			continue
		}
		switch fields[0] {
		case "create":
			state.Sets[fields[1]] = Set{Type: fields[2], Members: map[string]bool{}}
		case "add":
			state.Sets[fields[1]].Members[strings.Join(fields[2:], " ")] = true
		}
	}
	return state, nil
}

func execute(input string, argv ...string) (string, error) {
	command := exec.Command(argv[0], argv[1:]...)
	command.Stdin = strings.NewReader(input)
	output, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(output), err
}
