package policies

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	corelisters "k8s.io/client-go/listers/core/v1"
)

// Sandbox is a local pod's network as the CNI plugin (policies-cni) noted it, before any container of the pod ran. The file
// is named after the sandbox and goes with it, so it outlives this program, and the pod's object too.
type Sandbox struct {
	Namespace string    `json:"namespace"`
	Pod       string    `json:"pod"`
	UID       types.UID `json:"uid"`
	Address   string    `json:"address"`
	Link      string    `json:"link"`
}

const (
	sandboxFolder = "sandboxes"
	socketFile    = "socket"
	// The plugin writes a file under this suffix first, and renames it.
	partSuffix = ".new"
)

// sandboxes reads the notes of all sandboxes, by their names.
func sandboxes(directory string) (map[string]Sandbox, error) {
	entries, err := os.ReadDir(filepath.Join(directory, sandboxFolder))
	if err != nil {
		return nil, err
	}
	found := map[string]Sandbox{}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), partSuffix) {
			continue
		}
		sandbox, err := readSandbox(directory, entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[entry.Name()] = sandbox
	}
	return found, nil
}

func readSandbox(directory, name string) (Sandbox, error) {
	sandbox := Sandbox{}
	text, err := os.ReadFile(filepath.Join(directory, sandboxFolder, filepath.Base(name)))
	if err == nil {
		err = json.Unmarshal(text, &sandbox)
	}
	return sandbox, err
}

// podOf gives the very pod that a sandbox is of; nil when the API server's last word does not have it.
func podOf(pods corelisters.PodLister, sandbox Sandbox) *corev1.Pod {
	pod, err := pods.Pods(sandbox.Namespace).Get(sandbox.Pod)
	if err != nil || sandbox.UID != "" && pod.UID != sandbox.UID {
		return nil
	}
	return pod
}
