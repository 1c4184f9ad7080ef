package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// mounts gives the machine its own view of a few paths. Nothing of it is seen by, or left on, the host.
func mounts(spec *Spec) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("leave the host's mount propagation: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, bind := range spec.Binds {
		if err := os.MkdirAll(bind.Target, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(bind.Source, bind.Target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return fmt.Errorf("bind %s to %s: %w", bind.Source, bind.Target, err)
		}
	}
	for _, path := range spec.Scratch {
		if err := syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("mount a tmpfs on %s: %w", path, err)
		}
	}
	// Volumes with mount propagation need a shared root; it is shared only among this machine's own containers.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts: %w", err)
	}
	return nil
}

// awaitRoute returns when this network namespace has a default route, which is the last thing its builder adds.
func awaitRoute() {
	for {
		table, err := os.ReadFile("/proc/net/route")
		if err == nil {
			for _, line := range strings.Split(string(table), "\n")[1:] {
				if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "00000000" {
					return
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}
