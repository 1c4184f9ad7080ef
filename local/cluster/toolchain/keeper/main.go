// Command keeper runs the programs of one machine of a cluster (the control plane or a worker) as a small init would: it
// starts them in order, starts again what dies, bounds their logs and reaps orphans.
//
//	keeper start SPEC.json   makes the machine's namespaces, leaves the keeper running in them, prints its pid and start time
//
// It is process 1 of a pid namespace, so that killing it is a power loss: no process, mount or interface of the machine
// outlives it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Spec is what a machine is made of.
type Spec struct {
	// Directory holds pid.json, state.json and logs/.
	Directory string `json:"directory"`
	// Network gives the machine a network of its own; its programs start when it has a default route.
	Network bool `json:"network"`
	// Binds are put over paths of the host, for this machine only.
	Binds []Bind `json:"binds"`
	// Scratch are paths of the host that are empty and in memory on this machine.
	Scratch []string `json:"scratch"`
	// Cgroups are the folders, one a controller, that the keeper and its programs join.
	Cgroups []string `json:"cgroups"`
	// Programs start in this order.
	Programs []Program `json:"programs"`
}

// Bind shows the folder Source at Target.
type Bind struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Program is one long-running process.
type Program struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	// WaitFor delays the start until this file exists (a socket of another program, or a gate that the builder opens), or
	// this https address answers 200 (a server that says it is ready).
	WaitFor string `json:"waitFor"`
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: keeper start SPEC.json"))
	}
	spec, err := read(os.Args[2])
	if err != nil {
		fail(err)
	}
	switch os.Args[1] {
	case "start":
		err = start(spec, os.Args[2])
	case "run":
		err = run(spec)
	default:
		err = fmt.Errorf("unknown command %q; use start", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "keeper:", err)
	os.Exit(1)
}

func read(path string) (*Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	spec := &Spec{}
	if err := json.Unmarshal(text, spec); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return spec, os.MkdirAll(filepath.Join(spec.Directory, "logs"), 0o700)
}

// start launches the keeper in new namespaces and returns once it is recorded.
func start(spec *Spec, path string) error {
	log, err := os.OpenFile(filepath.Join(spec.Directory, "logs", "keeper.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	flags := uintptr(syscall.CLONE_NEWPID | syscall.CLONE_NEWNS)
	if spec.Network {
		flags |= syscall.CLONE_NEWNET
	}
	command := exec.Command("/proc/self/exe", "run", path)
	command.Args[0] = "ballast-keeper"
	command.Stdout, command.Stderr = log, log
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: flags}
	recorded, record, err := os.Pipe()
	if err != nil {
		return err
	}
	command.ExtraFiles = []*os.File{recorded}
	if err := command.Start(); err != nil {
		return fmt.Errorf("new namespaces: %w", err)
	}
	pid := command.Process.Pid
	identity, err := identify(pid)
	if err == nil {
		err = replace(filepath.Join(spec.Directory, "pid.json"), identity)
	}
	if err != nil {
		_ = command.Process.Kill()
		return err
	}
	if _, err := record.Write([]byte{1}); err != nil {
		return err
	}
	fmt.Println(string(identity))
	return nil
}

// identify gives a process's pid with its start time and boot, which no later process of the same pid can have.
func identify(pid int) ([]byte, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	// The name, in brackets, may hold spaces; the start time is the 20th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return json.Marshal(map[string]any{"pid": pid, "startTime": fields[19], "boot": strings.TrimSpace(string(boot))})
}

func replace(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// run is process 1.
func run(spec *Spec) error {
	// Programs get their signals from the kernel or from an operator, never through a closed terminal.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT)
	if err := awaitRecord(); err != nil {
		return err
	}
	if err := join(spec.Cgroups); err != nil {
		return err
	}
	if err := mounts(spec); err != nil {
		return err
	}
	if spec.Network {
		awaitRoute()
	}
	return newSupervisor(spec).run()
}

// awaitRecord returns when the starter has recorded this process. One whose starter died first is known to nobody, and ends.
func awaitRecord() error {
	pipe := os.NewFile(3, "record")
	defer pipe.Close()
	if _, err := pipe.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("not recorded: %w", err)
	}
	return nil
}

func join(cgroups []string) error {
	for _, folder := range cgroups {
		// 0 means the writer itself, whatever its pid in this namespace.
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte("0"), 0o600); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
	}
	return nil
}
