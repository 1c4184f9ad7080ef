import { mkdir, rm, symlink } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { addonImages } from "./addons";
import { ensureCgroup } from "./cgroup";
import { Configuration } from "./configuration";
import { kubeconfig } from "./kubeconfig";
import type { MachineSpec } from "./machine";
import { pki } from "./pki";
import type { NodePlan, Plan } from "./plan";

/** Files of the node, in its own view; the host reaches them below /proc/PID/root. */
export const containerdSocket = "/run/containerd/containerd.sock";
/** The kubelet starts when this file is there. */
export const kubeletGate = "/run/ballast-kubelet";
export const volumesPath = "/var/lib/ballast/volumes";
/** Shared by the enforcer of network policies and its CNI plugin; in memory, as the pods that it tells of. */
const policiesDirectory = "/run/network-policies";
const policiesPlugin = "policies-cni";
/** Plugins of the host that a pod's network is made by. */
const hostPlugins = ["loopback", "ptp", "host-local", "portmap"];

/** The container runtime's store, which may outlive the cluster as a cache of images. */
export function imageStore(node: NodePlan): string {
  return join(node.directory, "containerd");
}

/** Reserved so that the nodes together do not promise more memory than the machine has. */
function reservedMemory(plan: Plan): number {
  const share = (totalmem() * 0.9) / plan.nodes.length;
  return Math.round((totalmem() - share) / 2 ** 20);
}

/** Writes a worker's files and gives the machine that runs it: own network, mounts and processes. */
export async function worker(
  plan: Plan,
  node: NodePlan,
  toolchain: string,
  host: { readonly containerd: string; readonly cniPlugins: string },
): Promise<MachineSpec> {
  const at = (name: string) => join(node.directory, name);
  const folders = { kubelet: "/var/lib/kubelet", log: "/var/log", cni: "/var/lib/cni", volumes: volumesPath };
  for (const name of ["config/cni", "config/cni-plugins", "containerd", ...Object.keys(folders)])
    await mkdir(at(name), { recursive: true, mode: 0o755 });
  const files = pki(plan);
  const configuration = new Configuration(at("config"));
  const containerdToml = await configuration.write(
    "containerd.toml",
    containerdConfig(at("config/cni"), at("config/cni-plugins")),
  );
  for (const plugin of hostPlugins) await link(join(host.cniPlugins, plugin), at(`config/cni-plugins/${plugin}`));
  await link(join(toolchain, policiesPlugin), at(`config/cni-plugins/${policiesPlugin}`));
  await configuration.write("cni/10-ballast.conflist", JSON.stringify(cniConfig(node), null, 2));
  const kubeletKubeconfig = await configuration.write("kubelet.kubeconfig", await kubeconfig(plan, node.name));
  const kubelet = kubeletConfig(plan, node, {
    ca: files.crt("ca"),
    crt: files.crt(node.name),
    key: files.key(node.name),
    resolvConf: await configuration.write("resolv.conf", "# Nodes have no way out of the cluster's network.\n"),
  });
  const kubeletYaml = await configuration.write("kubelet.yaml", stringify(kubelet));
  const proxyKubeconfig = await configuration.write("kube-proxy.kubeconfig", await kubeconfig(plan, "kube-proxy"));
  const proxyYaml = await configuration.write(
    "kube-proxy.yaml",
    stringify(kubeProxyConfig(plan, node, proxyKubeconfig)),
  );
  const policiesKubeconfig = await configuration.write(
    "network-policies.kubeconfig",
    await kubeconfig(plan, "network-policies"),
  );
  await ensureCgroup(node.cgroup);
  return {
    directory: node.directory,
    configuration: configuration.digest(),
    network: true,
    binds: [
      { source: imageStore(node), target: "/var/lib/containerd" },
      ...Object.entries(folders).map(([name, target]) => ({ source: at(name), target })),
    ],
    scratch: ["/run"],
    cgroups: await ensureCgroup(`${node.cgroup}/system`),
    programs: [
      { name: "containerd", argv: [host.containerd, "--config", containerdToml] },
      {
        name: "kubelet",
        waitFor: kubeletGate,
        argv: [
          join(toolchain, "kubelet"),
          `--config=${kubeletYaml}`,
          `--kubeconfig=${kubeletKubeconfig}`,
          `--hostname-override=${node.name}`,
          `--node-ip=${node.address}`,
          `--node-labels=topology.kubernetes.io/zone=${node.zone}`,
        ],
      },
      { name: "kube-proxy", argv: [join(toolchain, "kube-proxy"), `--config=${proxyYaml}`] },
      {
        name: "network-policies",
        argv: [
          join(toolchain, "network-policies"),
          `--kubeconfig=${policiesKubeconfig}`,
          `--node=${node.name}`,
          `--directory=${policiesDirectory}`,
        ],
      },
    ],
  };
}

/** The plugin's folder is one, and they come from two: the host's packages and the toolchain. */
async function link(target: string, path: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}

function containerdConfig(cniConfigDirectory: string, cniPlugins: string): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "${containerdSocket}"
[${cri}]
  sandbox_image = ${JSON.stringify(addonImages.pause)}
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = ${JSON.stringify(cniPlugins)}
  conf_dir = ${JSON.stringify(cniConfigDirectory)}
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

function cniConfig(node: NodePlan): object {
  return {
    cniVersion: "1.0.0",
    name: "ballast",
    plugins: [
      {
        // A cable and a route for each pod: all its traffic passes the node's FORWARD chains, that of two pods of the node too.
        type: "ptp",
        ipMasq: false,
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: node.podCidr, gateway: node.podGateway }]],
          routes: [{ dst: "0.0.0.0/0" }],
          // In memory: addresses of pods that a power loss ended are free again.
          dataDir: "/run/cni-addresses",
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      // The last one: the pod's containers start when it says so.
      { type: policiesPlugin, directory: policiesDirectory },
    ],
  };
}

function kubeletConfig(
  plan: Plan,
  node: NodePlan,
  files: { readonly ca: string; readonly crt: string; readonly key: string; readonly resolvConf: string },
): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: node.address,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: files.ca } },
    authorization: { mode: "Webhook" },
    tlsCertFile: files.crt,
    tlsPrivateKeyFile: files.key,
    clusterDNS: [plan.dnsAddress],
    clusterDomain: "cluster.local",
    resolvConf: files.resolvConf,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${node.cgroup}`,
    kubeletCgroups: `/${node.cgroup}/system`,
    failSwapOn: false,
    // Lowering it takes a privilege that a container in which all this may run does not have.
    oomScoreAdj: 0,
    // Every node sees the whole machine's memory.
    systemReserved: { memory: `${reservedMemory(plan)}Mi` },
    // The disk is the machine's, and is the user's business: no pod is evicted and no image removed for it.
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "imagefs.available": "0%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    nodeLeaseDurationSeconds: 20,
    nodeStatusUpdateFrequency: "5s",
    serializeImagePulls: false,
  };
}

function kubeProxyConfig(plan: Plan, node: NodePlan, kubeconfig: string): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig },
    hostnameOverride: node.name,
    bindAddress: node.address,
    healthzBindAddress: `${node.address}:10256`,
    metricsBindAddress: "127.0.0.1:10249",
    mode: "iptables",
    // A new primary's address should reach the rules at once.
    iptables: { minSyncPeriod: "100ms", localhostNodePorts: false },
    clusterCIDR: plan.podCidr,
    detectLocalMode: "ClusterCIDR",
    oomScoreAdj: 0,
    // These limits are the machine's, not the node's: leave them alone.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
