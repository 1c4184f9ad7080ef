// Command metrics-server serves the resource metrics API with the upstream server's packages and the flags that a cluster of
// ours needs. Upstream's own main brings generated code for a newer apimachinery than Kubernetes 1.34 has.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/pkg/generated/openapi"
	"sigs.k8s.io/metrics-server/pkg/api"
	"sigs.k8s.io/metrics-server/pkg/scraper/client"
	"sigs.k8s.io/metrics-server/pkg/server"
)

type settings struct {
	kubeconfig     string
	resolution     time.Duration
	requestTimeout time.Duration
	skipKubeletTLS bool
	serving        *options.SecureServingOptionsWithLoopback
	authentication *options.DelegatingAuthenticationOptions
	authorization  *options.DelegatingAuthorizationOptions
}

func main() {
	s := &settings{
		serving:        options.NewSecureServingOptions().WithLoopback(),
		authentication: options.NewDelegatingAuthenticationOptions(),
		authorization:  options.NewDelegatingAuthorizationOptions(),
	}
	command := &cobra.Command{
		Use:   "metrics-server",
		Short: "Serve CPU and memory of nodes and pods as metrics.k8s.io",
		RunE: func(_ *cobra.Command, _ []string) error {
			return s.run(genericapiserver.SetupSignalContext())
		},
	}
	flags := command.Flags()
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig of the API server; the pod's own account when empty")
	flags.DurationVar(&s.resolution, "metric-resolution", 60*time.Second, "time between two scrapes, at least 10s")
	flags.DurationVar(&s.requestTimeout, "kubelet-request-timeout", 9*time.Second, "limit of one scrape, below the resolution")
	flags.BoolVar(&s.skipKubeletTLS, "kubelet-insecure-tls", false, "accept any serving certificate of a kubelet")
	s.serving.AddFlags(flags)
	s.authentication.AddFlags(flags)
	s.authorization.AddFlags(flags)
	os.Exit(cli.Run(command))
}

func (s *settings) run(ctx context.Context) error {
	if s.resolution < 10*time.Second {
		return fmt.Errorf("--metric-resolution is %v; it must be at least 10s", s.resolution)
	}
	if s.requestTimeout >= s.resolution {
		return fmt.Errorf("--kubelet-request-timeout (%v) must be below --metric-resolution (%v)", s.requestTimeout, s.resolution)
	}
	serving, err := s.apiServer()
	if err != nil {
		return err
	}
	account, err := s.account()
	if err != nil {
		return err
	}
	program, err := server.Config{
		Apiserver:        serving,
		Rest:             account,
		Kubelet:          s.kubelets(account),
		MetricResolution: s.resolution,
		ScrapeTimeout:    s.requestTimeout,
	}.Complete()
	if err != nil {
		return err
	}
	return program.RunUntil(ctx.Done())
}

func (s *settings) apiServer() (*genericapiserver.Config, error) {
	if err := s.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
		return nil, fmt.Errorf("serving certificate: %w", err)
	}
	config := genericapiserver.NewConfig(api.Codecs)
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	if err := s.serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, err
	}
	if err := s.authentication.ApplyTo(&config.Authentication, config.SecureServing, nil); err != nil {
		return nil, err
	}
	if err := s.authorization.ApplyTo(&config.Authorization); err != nil {
		return nil, err
	}
	namer := openapinamer.NewDefinitionNamer(api.Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = "metrics-server"
	config.OpenAPIV3Config.Info.Title = "metrics-server"
	return config, nil
}

func (s *settings) account() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("credentials of the API server: %w", err)
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	return config, rest.SetKubernetesDefaults(config)
}

func (s *settings) kubelets(account *rest.Config) *client.KubeletClientConfig {
	transport := rest.CopyConfig(account)
	transport.Timeout = s.requestTimeout
	if s.skipKubeletTLS {
		transport.TLSClientConfig.Insecure = true
		transport.TLSClientConfig.CAData = nil
		transport.TLSClientConfig.CAFile = ""
	}
	return &client.KubeletClientConfig{
		Client:              *transport,
		AddressTypePriority: []corev1.NodeAddressType{corev1.NodeInternalIP},
		Scheme:              "https",
		DefaultPort:         10250,
	}
}
