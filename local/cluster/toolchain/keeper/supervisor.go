package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	shortestPause = 200 * time.Millisecond
	longestPause  = 5 * time.Second
	// A program that ran this long is healthy: the next pause is the shortest again.
	healthyAfter = 10 * time.Second
)

// State is one program as state.json shows it; the pid is of the machine's own namespace.
type State struct {
	Name     string `json:"name"`
	Pid      int    `json:"pid"`
	Starts   int    `json:"starts"`
	LastExit string `json:"lastExit,omitempty"`
}

type supervisor struct {
	spec   *Spec
	mutex  sync.Mutex
	states []State
	exits  map[int]chan syscall.WaitStatus
}

func newSupervisor(spec *Spec) *supervisor {
	s := &supervisor{spec: spec, exits: map[int]chan syscall.WaitStatus{}}
	for _, program := range spec.Programs {
		s.states = append(s.states, State{Name: program.Name})
	}
	return s
}

func (s *supervisor) run() error {
	for index := range s.spec.Programs {
		go s.keep(index)
	}
	s.reap()
	return nil
}

// reap collects every child of process 1: the programs, and orphans such as container shims.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err != nil {
			// No child yet, or an interrupted call.
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.mutex.Lock()
		exited := s.exits[pid]
		delete(s.exits, pid)
		s.mutex.Unlock()
		if exited != nil {
			exited <- status
		}
	}
}

func (s *supervisor) keep(index int) {
	program := s.spec.Programs[index]
	log := newLog(filepath.Join(s.spec.Directory, "logs", program.Name+".log"))
	pause := shortestPause
	for {
		await(program.WaitFor)
		began := time.Now()
		exited, err := s.launch(index, program, log)
		if err != nil {
			log.line(fmt.Sprintf("keeper: %v", err))
			s.note(index, func(state *State) { state.LastExit = err.Error() })
		} else {
			status := <-exited
			text := fmt.Sprintf("exit status %d", status.ExitStatus())
			if status.Signaled() {
				text = fmt.Sprintf("killed by %v", status.Signal())
			}
			log.line("keeper: " + text)
			s.note(index, func(state *State) { state.Pid, state.LastExit = 0, text })
		}
		if time.Since(began) > healthyAfter {
			pause = shortestPause
		}
		time.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// launch starts a program; the channel gets its exit. The lock is held so that its exit cannot be reaped before it is known.
func (s *supervisor) launch(index int, program Program, log *boundedLog) (chan syscall.WaitStatus, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	defer writer.Close()
	s.mutex.Lock()
	pid, err := syscall.ForkExec(program.Argv[0], program.Argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(os.Environ(), program.Env...),
		Files: []uintptr{null.Fd(), writer.Fd(), writer.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		s.mutex.Unlock()
		reader.Close()
		return nil, fmt.Errorf("start %s: %w", program.Argv[0], err)
	}
	exited := make(chan syscall.WaitStatus, 1)
	s.exits[pid] = exited
	s.mutex.Unlock()
	go log.copy(reader)
	s.note(index, func(state *State) { state.Pid, state.Starts = pid, state.Starts+1 })
	return exited, nil
}

func (s *supervisor) note(index int, change func(*State)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(&s.states[index])
	text, err := json.MarshalIndent(s.states, "", "  ")
	if err == nil {
		err = replace(filepath.Join(s.spec.Directory, "state.json"), text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "keeper: state not written:", err)
	}
}

func await(condition string) {
	for condition != "" && !met(condition) {
		time.Sleep(50 * time.Millisecond)
	}
}

// Only readiness is asked of the address and nothing is told to it, so it need not prove who it is.
var prober = &http.Client{
	Timeout:   5 * time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

func met(condition string) bool {
	if !strings.HasPrefix(condition, "https://") {
		_, err := os.Stat(condition)
		return err == nil
	}
	answer, err := prober.Get(condition)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
