package volumes

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// NewCommand is the controller as a program.
func NewCommand() *cobra.Command {
	var kubeconfig, nodes, nodePath, devices string
	command := &cobra.Command{
		Use:   "local-volumes",
		Short: "Make local persistent volumes on the nodes",
		RunE: func(_ *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("--kubeconfig: %w", err)
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			folders := func(node string) string { return filepath.Join(nodes, filepath.Base(node), "volumes") }
			return Run(genericapiserver.SetupSignalContext(), client, Places{Folders: folders, NodePath: nodePath, Devices: devices})
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "credentials of the API server")
	command.Flags().StringVar(&nodes, "nodes", "", "folder that holds a folder a node; its volumes stand in volumes/")
	command.Flags().StringVar(&nodePath, "node-path", "/var/lib/ballast/volumes", "where a node sees its volumes")
	command.Flags().StringVar(&devices, "devices", "", "folder for the links to the volumes' devices; without it, volumes are folders")
	return command
}
