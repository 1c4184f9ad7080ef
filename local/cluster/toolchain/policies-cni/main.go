// Command policies-cni is the last CNI plugin of a pod's network: it notes the pod's address for network-policies, and lets the
// pod start when that program has its rules in place. So a pod neither runs without its policies nor waits for what they allow.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The enforcer may be starting, or starting again. Kubernetes waits longer than this, and tries again.
const patience = 60 * time.Second

// code of an error in CNI's own range for plugins.
const failure = 100

type configuration struct {
	CNIVersion string `json:"cniVersion"`
	// Directory is shared with the enforcer.
	Directory  string          `json:"directory"`
	PrevResult json.RawMessage `json:"prevResult"`
}

type result struct {
	Interfaces []struct {
		Name    string `json:"name"`
		Sandbox string `json:"sandbox"`
	} `json:"interfaces"`
	IPs []struct {
		Address string `json:"address"`
	} `json:"ips"`
}

// note is the enforcer's Sandbox.
type note struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	UID       string `json:"uid"`
	Address   string `json:"address"`
	Link      string `json:"link"`
}

func main() {
	config := configuration{}
	if err := json.NewDecoder(os.Stdin).Decode(&config); err != nil {
		fail(config, fmt.Errorf("configuration: %w", err))
	}
	sandbox := filepath.Base(os.Getenv("CNI_CONTAINERID"))
	var err error
	switch command := os.Getenv("CNI_COMMAND"); command {
	case "ADD":
		err = add(config, sandbox)
	case "DEL":
		err = os.Remove(notePath(config, sandbox))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	case "CHECK":
		_, err = os.Stat(notePath(config, sandbox))
	case "VERSION":
		fmt.Printf("{\"cniVersion\":%q,\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}\n", config.CNIVersion)
	default:
		err = fmt.Errorf("CNI_COMMAND is %q; it must be ADD, DEL, CHECK or VERSION", command)
	}
	if err != nil {
		fail(config, err)
	}
}

func fail(config configuration, err error) {
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"cniVersion": config.CNIVersion, "code": failure, "msg": "network policies: " + err.Error(),
	})
	os.Exit(1)
}

func notePath(config configuration, sandbox string) string {
	return filepath.Join(config.Directory, "sandboxes", sandbox)
}

func add(config configuration, sandbox string) error {
	content, err := describe(config, os.Getenv("CNI_ARGS"))
	if err != nil {
		return err
	}
	path := notePath(config, sandbox)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	if err := await(filepath.Join(config.Directory, "socket"), sandbox, time.Now().Add(patience)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	_, err = os.Stdout.Write(config.PrevResult)
	return err
}

func describe(config configuration, arguments string) ([]byte, error) {
	network := result{}
	if err := json.Unmarshal(config.PrevResult, &network); err != nil {
		return nil, fmt.Errorf("prevResult: %w", err)
	}
	pod := note{}
	for _, argument := range strings.Split(arguments, ";") {
		key, value, _ := strings.Cut(argument, "=")
		switch key {
		case "K8S_POD_NAMESPACE":
			pod.Namespace = value
		case "K8S_POD_NAME":
			pod.Pod = value
		case "K8S_POD_UID":
			pod.UID = value
		}
	}
	for _, ip := range network.IPs {
		if address, _, err := net.ParseCIDR(ip.Address); err == nil && address.To4() != nil {
			pod.Address = address.String()
		}
	}
	for _, link := range network.Interfaces {
		if link.Sandbox == "" {
			pod.Link = link.Name
		}
	}
	if pod.Pod == "" || pod.Address == "" {
		return nil, fmt.Errorf("no pod's name in CNI_ARGS %q, or no IPv4 address in prevResult %s", arguments, config.PrevResult)
	}
	return json.Marshal(pod)
}

// await asks the enforcer until it answers, across its restart too. Kubernetes tries again after an answer that is an error.
func await(socket, sandbox string, end time.Time) error {
	for {
		answer, err := ask(socket, sandbox, end)
		switch {
		case err == nil && answer == "ok":
			return nil
		case err == nil:
			return errors.New(answer)
		case time.Now().After(end):
			return fmt.Errorf("the node's program network-policies does not answer: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func ask(socket, sandbox string, end time.Time) (string, error) {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	if err := connection.SetDeadline(end); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(connection, sandbox); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(connection).ReadString('\n')
	return strings.TrimSpace(answer), err
}
