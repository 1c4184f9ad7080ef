import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureCgroup } from "./cgroup";
import { Configuration } from "./configuration";
import { apiUrl, kubeconfig } from "./kubeconfig";
import type { MachineSpec, Program } from "./machine";
import { pki } from "./pki";
import { apiPort, type Plan } from "./plan";
import { noDisks } from "./volumes";

/** Where the control plane's machine keeps its records and logs. */
export function controlPlaneDirectory(plan: Plan): string {
  return join(plan.directory, "control-plane");
}

export function etcdDirectory(plan: Plan): string {
  return join(plan.directory, "etcd");
}

export function controlPlaneCgroup(plan: Plan): string {
  return `${plan.name}/control-plane`;
}

/** Writes the control plane's files and gives the machine that runs it: processes of the host, on its own network. */
export async function controlPlane(plan: Plan, toolchain: string, haproxy: string): Promise<MachineSpec> {
  const directory = controlPlaneDirectory(plan);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(etcdDirectory(plan), { recursive: true, mode: 0o700 });
  const configuration = new Configuration(directory);
  const [managerConfig = "", schedulerConfig = "", volumesConfig = ""] = await Promise.all(
    ["controller-manager", "scheduler", "local-volumes"].map(async (identity) =>
      configuration.write(`${identity}.kubeconfig`, await kubeconfig(plan, identity)),
    ),
  );
  const proxyConfig = await configuration.write("haproxy.cfg", haproxyConfig(plan));
  const program = (name: string, ...args: string[]): Program => ({ name, argv: [join(toolchain, name), ...args] });
  // Its clients give up soon when it does not answer, and would then wait longer than it takes.
  const client = (name: string, ...args: string[]): Program => ({
    ...program(name, ...args),
    waitFor: `${apiUrl(plan)}/readyz`,
  });
  return {
    directory,
    configuration: configuration.digest(),
    network: false,
    binds: [],
    scratch: [],
    cgroups: await ensureCgroup(controlPlaneCgroup(plan)),
    programs: [
      program("etcd", ...etcdArguments(plan)),
      program("kube-apiserver", ...apiServerArguments(plan)),
      client("kube-controller-manager", ...controllerManagerArguments(plan, managerConfig)),
      client("kube-scheduler", ...schedulerArguments(plan, schedulerConfig)),
      client(
        "local-volumes",
        `--kubeconfig=${volumesConfig}`,
        `--nodes=${join(plan.directory, "nodes")}`,
        ...((await noDisks()) === undefined ? [`--devices=${plan.devices}`] : []),
      ),
      { name: "haproxy", argv: [haproxy, "-db", "-f", proxyConfig] },
    ],
  };
}

function etcdArguments(plan: Plan): string[] {
  const files = pki(plan);
  const client = `https://${plan.hostAddress}:2379`;
  const peer = `https://${plan.hostAddress}:2380`;
  return [
    "--name=default",
    `--data-dir=${etcdDirectory(plan)}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    `--cert-file=${files.crt("etcd")}`,
    `--key-file=${files.key("etcd")}`,
    `--trusted-ca-file=${files.crt("etcd-ca")}`,
    "--client-cert-auth",
    `--peer-cert-file=${files.crt("etcd")}`,
    `--peer-key-file=${files.key("etcd")}`,
    `--peer-trusted-ca-file=${files.crt("etcd-ca")}`,
    "--peer-client-cert-auth",
    "--auto-compaction-mode=periodic",
    "--auto-compaction-retention=30m",
    "--logger=zap",
    "--log-level=warn",
  ];
}

function apiServerArguments(plan: Plan): string[] {
  const files = pki(plan);
  return [
    `--bind-address=${plan.hostAddress}`,
    `--advertise-address=${plan.hostAddress}`,
    `--secure-port=${apiPort}`,
    `--etcd-servers=https://${plan.hostAddress}:2379`,
    `--etcd-cafile=${files.crt("etcd-ca")}`,
    `--etcd-certfile=${files.crt("etcd-client")}`,
    `--etcd-keyfile=${files.key("etcd-client")}`,
    `--tls-cert-file=${files.crt("apiserver")}`,
    `--tls-private-key-file=${files.key("apiserver")}`,
    `--client-ca-file=${files.crt("ca")}`,
    `--kubelet-certificate-authority=${files.crt("ca")}`,
    `--kubelet-client-certificate=${files.crt("apiserver-kubelet-client")}`,
    `--kubelet-client-key=${files.key("apiserver-kubelet-client")}`,
    // Nodes' names are in no DNS.
    "--kubelet-preferred-address-types=InternalIP",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    `--service-cluster-ip-range=${plan.serviceCidr}`,
    `--service-node-port-range=${plan.nodePorts.first}-${plan.nodePorts.last}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${join(files.directory, "service-account.pub")}`,
    `--service-account-signing-key-file=${files.key("service-account")}`,
    `--requestheader-client-ca-file=${files.crt("front-proxy-ca")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-username-headers=X-Remote-User",
    `--proxy-client-cert-file=${files.crt("front-proxy-client")}`,
    `--proxy-client-key-file=${files.key("front-proxy-client")}`,
    // The host has no kube-proxy, so aggregated APIs are reached by their pods' addresses.
    "--enable-aggregator-routing=true",
    "--profiling=false",
  ];
}

function controllerManagerArguments(plan: Plan, kubeconfig: string): string[] {
  const files = pki(plan);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${plan.hostAddress}`,
    `--tls-cert-file=${files.crt("controller-manager")}`,
    `--tls-private-key-file=${files.key("controller-manager")}`,
    `--root-ca-file=${files.crt("ca")}`,
    `--cluster-signing-cert-file=${files.crt("ca")}`,
    `--cluster-signing-key-file=${files.key("ca")}`,
    `--service-account-private-key-file=${files.key("service-account")}`,
    "--use-service-account-credentials=true",
    "--leader-elect=false",
    // Four missed renewals of a node's lease (kubelet: every 5 s), so that the loss of a node shows in 20 s and not in 50.
    "--node-monitor-grace-period=20s",
    "--node-monitor-period=2s",
    "--profiling=false",
  ];
}

function schedulerArguments(plan: Plan, kubeconfig: string): string[] {
  const files = pki(plan);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${plan.hostAddress}`,
    `--tls-cert-file=${files.crt("scheduler")}`,
    `--tls-private-key-file=${files.key("scheduler")}`,
    "--leader-elect=false",
    "--profiling=false",
  ];
}

/**
 * NodePorts on 127.0.0.1: TCP to the same port of a node whose kube-proxy answers. Checks fail fast, so that a node that was
 * cut off is left within two seconds, its connections with it.
 */
export function haproxyConfig(plan: Plan): string {
  const { first, last } = plan.nodePorts;
  return `global
  maxconn 4000
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout check 1s
  retries 3
  option redispatch 1
  option clitcpka
  option srvtcpka
  option httpchk GET /healthz
  default-server check port 10256 inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
listen node-ports
  bind 127.0.0.1:${first}-${last}
  balance roundrobin
${plan.nodes.map((node) => `  server ${node.name} ${node.address}`).join("\n")}
`;
}
