package policies

import (
	"fmt"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// NewCommand is the enforcer as a program.
func NewCommand() *cobra.Command {
	var kubeconfig, node, directory string
	command := &cobra.Command{
		Use:   "network-policies",
		Short: "Enforce network policies on the pods of one node",
		RunE: func(_ *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("--kubeconfig: %w", err)
			}
			config.ContentType = "application/vnd.kubernetes.protobuf"
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			return Run(genericapiserver.SetupSignalContext(), client, node, directory)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "credentials of the API server")
	command.Flags().StringVar(&node, "node", "", "name of the node in whose network this runs")
	command.Flags().StringVar(&directory, "directory", "", "folder shared with the CNI plugin: the socket and the pods' addresses")
	return command
}
