package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// blockSize is what a loop device's size is a whole number of.
	blockSize = 4096
	// smallest is the least that holds a file system.
	smallest = 1 << 20
	// attempts to get a loop device that another process does not take first.
	attempts = 100
)

// attach gives the file a loop device, and the link to it its place. Both are found when they are there: a link that a reboot
// has taken away is made again, to whatever device the file has now.
func attach(file, link string) error {
	device, err := deviceOf(file)
	if err != nil {
		return err
	}
	if device == "" {
		if device, err = newDevice(file); err != nil {
			return fmt.Errorf("attach %s: %w", file, err)
		}
	}
	if target, err := os.Readlink(link); err == nil && target == device {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.Remove(link + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(device, link+".new"); err != nil {
		return err
	}
	return os.Rename(link+".new", link)
}

// detach takes link and device away. A device that is still mounted goes with its last user.
func detach(file, link string) error {
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	device, err := deviceOf(file)
	if err != nil || device == "" {
		return err
	}
	loop, err := os.OpenFile(device, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer loop.Close()
	if err := unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_CLR_FD, 0); err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("detach %s: %w", device, err)
	}
	return nil
}

// sparse makes a file of that size, which takes only the room of what is written to it. One that is there stays as it is.
func sparse(path string, size int64) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Truncate((max(size, smallest) + blockSize - 1) / blockSize * blockSize); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// deviceOf is the loop device of a file; empty when it has none.
func deviceOf(file string) (string, error) {
	// The kernel tells the path without links.
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	backings, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return "", err
	}
	for _, backing := range backings {
		// One that was detached meanwhile cannot be read.
		if path, err := os.ReadFile(backing); err == nil && strings.TrimSuffix(string(path), "\n") == real {
			return "/dev/" + strings.Split(backing, "/")[3], nil
		}
	}
	return "", nil
}

func newDevice(file string) (string, error) {
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer control.Close()
	for range attempts {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return "", fmt.Errorf("no free loop device: %w", err)
		}
		device := "/dev/loop" + strconv.Itoa(number)
		err = configure(device, number, backing)
		if err == nil {
			return device, nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return "", fmt.Errorf("%s: %w", device, err)
		}
	}
	return "", fmt.Errorf("another process took each of %d free loop devices", attempts)
}

// configure ties a device to a file. Direct: what a file system writes through must not be cached twice.
func configure(device string, number int, backing *os.File) error {
	loop, err := os.OpenFile(device, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		// In a container /dev is no devtmpfs, in which the kernel would have put it.
		if err := mknod(device, number); err != nil {
			return err
		}
		loop, err = os.OpenFile(device, os.O_RDWR, 0)
	}
	if err != nil {
		return err
	}
	defer loop.Close()
	config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_DIRECT_IO}}
	copy(config.Info.File_name[:63], backing.Name())
	return unix.IoctlLoopConfigure(int(loop.Fd()), &config)
}

func mknod(device string, number int) error {
	text, err := os.ReadFile(fmt.Sprintf("/sys/block/loop%d/dev", number))
	if err != nil {
		return err
	}
	var major, minor uint32
	if _, err := fmt.Sscanf(string(text), "%d:%d", &major, &minor); err != nil {
		return err
	}
	return unix.Mknod(device, unix.S_IFBLK|0o600, int(unix.Mkdev(major, minor)))
}
