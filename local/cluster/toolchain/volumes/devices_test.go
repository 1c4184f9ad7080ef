package volumes

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func size(t *testing.T, path string) (length, taken int64) {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Size, stat.Blocks * 512
}

func TestSparse(t *testing.T) {
	for _, each := range []struct{ asked, made int64 }{{64 << 20, 64 << 20}, {1, 1 << 20}, {1<<20 + 1, 1<<20 + 4096}} {
		path := filepath.Join(t.TempDir(), "volumes", "data.img")
		if err := sparse(path, each.asked); err != nil {
			t.Fatal(err)
		}
		if length, taken := size(t, path); length != each.made || taken != 0 {
			t.Errorf("asked for %d bytes: %d, which take %d; wanted %d", each.asked, length, taken, each.made)
		}
	}
}

func TestSparseLeavesDataAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.img")
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sparse(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "kept" {
		t.Errorf("the file was changed to %d bytes", len(text))
	}
}

func TestDevice(t *testing.T) {
	if control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0); err != nil {
		t.Skip("no loop devices here: ", err)
	} else {
		control.Close()
	}
	folder := t.TempDir()
	file, link := filepath.Join(folder, "data.img"), filepath.Join(folder, "devices", "node", "data")
	if err := sparse(file, 1<<20); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = detach(file, link) })
	attached := func() string {
		t.Helper()
		if err := attach(file, link); err != nil {
			t.Fatal(err)
		}
		device, err := os.Readlink(link)
		if err != nil {
			t.Fatal(err)
		}
		return device
	}
	device := attached()
	if backed, err := deviceOf(file); err != nil || backed != device {
		t.Fatalf("the link leads to %s; the file's device is %q (%v)", device, backed, err)
	}
	if again := attached(); again != device {
		t.Errorf("attached twice, to %s and %s", device, again)
	}
	if err := os.RemoveAll(filepath.Dir(link)); err != nil {
		t.Fatal(err)
	}
	if again := attached(); again != device {
		t.Errorf("the link that was lost leads to %s now, not to %s", again, device)
	}
	for range 2 {
		if err := detach(file, link); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link is still there (%v)", err)
	}
	if backed, err := deviceOf(file); err != nil || backed != "" {
		t.Errorf("the file still has a device: %q (%v)", backed, err)
	}
}
