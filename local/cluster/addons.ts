import { createHash } from "node:crypto";
import images from "../../infra/images.json";
import type { Api } from "./api";
import { networkPoliciesUser } from "./pki";
import type { Plan } from "./plan";

export const addonImages = {
  pause: images.pause.reference,
  coredns: images.coredns.reference,
  metricsServer: images["metrics-server"].reference,
} as const;

export const storageClass = "local";
const system = "kube-system";
/** A network policy names the port of the pod, not of the Service, and everyone's policies name this one. */
const dnsPort = 53;

interface Manifest {
  /** Collection of its kind, below the API's root. */
  readonly path: string;
  readonly object: { readonly metadata: { readonly name: string; readonly namespace?: string } } & Record<
    string,
    unknown
  >;
}

function manifest(path: string, apiVersion: string, kind: string, name: string, rest: object): Manifest {
  const namespaced = path.includes("/namespaces/");
  return {
    path,
    object: { apiVersion, kind, metadata: { name, ...(namespaced && { namespace: system }) }, ...rest },
  };
}

const core = `/api/v1/namespaces/${system}`;
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const rbacVersion = "rbac.authorization.k8s.io/v1";
const rbacGroup = "rbac.authorization.k8s.io";

const account = (name: string) => [{ kind: "ServiceAccount", name, namespace: system }];
const clusterRole = (name: string) => ({ apiGroup: rbacGroup, kind: "ClusterRole", name });
const readOnly = ["get", "list", "watch"];

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 65532,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** The default storage class, and what the volume controller (toolchain/volumes) may do. */
function volumes(): Manifest[] {
  const name = "ballast:local-volumes";
  return [
    manifest("/apis/storage.k8s.io/v1/storageclasses", "storage.k8s.io/v1", "StorageClass", storageClass, {
      metadata: { name: storageClass, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "ballast.dev/local",
      volumeBindingMode: "WaitForFirstConsumer",
      reclaimPolicy: "Delete",
    }),
    manifest(`${rbac}/clusterroles`, rbacVersion, "ClusterRole", name, {
      rules: [
        { apiGroups: [""], resources: ["nodes", "persistentvolumeclaims"], verbs: readOnly },
        { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: readOnly },
        { apiGroups: [""], resources: ["persistentvolumes"], verbs: [...readOnly, "create", "delete"] },
      ],
    }),
    manifest(`${rbac}/clusterrolebindings`, rbacVersion, "ClusterRoleBinding", name, {
      roleRef: clusterRole(name),
      subjects: [{ apiGroup: rbacGroup, kind: "User", name }],
    }),
  ];
}

/** What the nodes' enforcers of network policies (toolchain/policies) may do. */
function networkPolicies(): Manifest[] {
  const name = networkPoliciesUser;
  return [
    manifest(`${rbac}/clusterroles`, rbacVersion, "ClusterRole", name, {
      rules: [
        { apiGroups: [""], resources: ["pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list", "watch"] },
      ],
    }),
    manifest(`${rbac}/clusterrolebindings`, rbacVersion, "ClusterRoleBinding", name, {
      roleRef: clusterRole(name),
      subjects: [{ apiGroup: rbacGroup, kind: "User", name }],
    }),
  ];
}

function dns(plan: Plan): Manifest[] {
  const name = "coredns";
  const labels = { "k8s-app": "kube-dns" };
  const corefile = `.:${dnsPort} {
  errors
  health :8080 {
    lameduck 2s
  }
  ready :8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
    ttl 5
  }
  prometheus :9153
  cache 5
  loadbalance
}
`;
  return [
    manifest(`${core}/serviceaccounts`, "v1", "ServiceAccount", name, {}),
    manifest(`${rbac}/clusterroles`, rbacVersion, "ClusterRole", `system:${name}`, {
      rules: [
        { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    }),
    manifest(`${rbac}/clusterrolebindings`, rbacVersion, "ClusterRoleBinding", `system:${name}`, {
      roleRef: clusterRole(`system:${name}`),
      subjects: account(name),
    }),
    manifest(`${core}/configmaps`, "v1", "ConfigMap", name, { data: { Corefile: corefile } }),
    manifest(`${core}/services`, "v1", "Service", "kube-dns", {
      spec: {
        clusterIP: plan.dnsAddress,
        selector: labels,
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: dnsPort },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: dnsPort },
        ],
      },
    }),
    deployment(name, labels, Math.min(2, plan.nodes.length), {
      serviceAccountName: name,
      dnsPolicy: "Default",
      // It is no root, and the port is a low one.
      securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
      // A name must resolve soon after a node is lost, so a second server stands on another node.
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector: { matchLabels: labels },
        },
      ],
      containers: [
        {
          name,
          image: addonImages.coredns,
          imagePullPolicy: "IfNotPresent",
          args: ["-conf", "/etc/coredns/Corefile"],
          ports: [
            { name: "dns", containerPort: dnsPort, protocol: "UDP" },
            { name: "dns-tcp", containerPort: dnsPort, protocol: "TCP" },
            { name: "metrics", containerPort: 9153 },
          ],
          resources: { requests: { cpu: "20m", memory: "32Mi" }, limits: { cpu: "500m", memory: "170Mi" } },
          livenessProbe: { httpGet: { path: "/health", port: 8080 }, periodSeconds: 10, failureThreshold: 5 },
          readinessProbe: { httpGet: { path: "/ready", port: 8181 }, periodSeconds: 2 },
          securityContext: restricted,
          volumeMounts: [{ name: "config", mountPath: "/etc/coredns", readOnly: true }],
        },
      ],
      volumes: [{ name: "config", configMap: { name } }],
    }),
  ];
}

function metrics(): Manifest[] {
  const name = "metrics-server";
  const labels = { "k8s-app": name };
  return [
    manifest(`${core}/serviceaccounts`, "v1", "ServiceAccount", name, {}),
    manifest(`${rbac}/clusterroles`, rbacVersion, "ClusterRole", "system:aggregated-metrics-reader", {
      metadata: {
        name: "system:aggregated-metrics-reader",
        labels: {
          "rbac.authorization.k8s.io/aggregate-to-view": "true",
          "rbac.authorization.k8s.io/aggregate-to-edit": "true",
          "rbac.authorization.k8s.io/aggregate-to-admin": "true",
        },
      },
      rules: [{ apiGroups: ["metrics.k8s.io"], resources: ["pods", "nodes"], verbs: readOnly }],
    }),
    manifest(`${rbac}/clusterroles`, rbacVersion, "ClusterRole", `system:${name}`, {
      rules: [
        { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
        { apiGroups: [""], resources: ["pods", "nodes"], verbs: readOnly },
      ],
    }),
    manifest(`${rbac}/clusterrolebindings`, rbacVersion, "ClusterRoleBinding", `system:${name}`, {
      roleRef: clusterRole(`system:${name}`),
      subjects: account(name),
    }),
    manifest(`${rbac}/clusterrolebindings`, rbacVersion, "ClusterRoleBinding", `${name}:system:auth-delegator`, {
      roleRef: clusterRole("system:auth-delegator"),
      subjects: account(name),
    }),
    manifest(`${rbac}/namespaces/${system}/rolebindings`, rbacVersion, "RoleBinding", `${name}-auth-reader`, {
      roleRef: { apiGroup: rbacGroup, kind: "Role", name: "extension-apiserver-authentication-reader" },
      subjects: account(name),
    }),
    manifest(`${core}/services`, "v1", "Service", name, {
      spec: { selector: labels, ports: [{ name: "https", port: 443, targetPort: "https" }] },
    }),
    deployment(name, labels, 1, {
      serviceAccountName: name,
      containers: [
        {
          name,
          image: addonImages.metricsServer,
          imagePullPolicy: "IfNotPresent",
          args: ["--cert-dir=/tmp", "--secure-port=10250", "--metric-resolution=15s"],
          ports: [{ name: "https", containerPort: 10250 }],
          resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
          livenessProbe: { httpGet: { path: "/livez", port: "https", scheme: "HTTPS" }, failureThreshold: 5 },
          readinessProbe: { httpGet: { path: "/readyz", port: "https", scheme: "HTTPS" }, periodSeconds: 2 },
          securityContext: restricted,
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
        },
      ],
      volumes: [{ name: "tmp", emptyDir: {} }],
    }),
    manifest(
      "/apis/apiregistration.k8s.io/v1/apiservices",
      "apiregistration.k8s.io/v1",
      "APIService",
      "v1beta1.metrics.k8s.io",
      {
        spec: {
          group: "metrics.k8s.io",
          version: "v1beta1",
          groupPriorityMinimum: 100,
          versionPriority: 100,
          // Its serving certificate is its own and made at its start.
          insecureSkipTLSVerify: true,
          service: { name, namespace: system },
        },
      },
    ),
  ];
}

function deployment(name: string, labels: Record<string, string>, replicas: number, pod: object): Manifest {
  return manifest(`/apis/apps/v1/namespaces/${system}/deployments`, "apps/v1", "Deployment", name, {
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          priorityClassName: "system-cluster-critical",
          // A lost node's pods are made anew elsewhere in seconds: these hold no state.
          tolerations: ["not-ready", "unreachable"].map((taint) => ({
            key: `node.kubernetes.io/${taint}`,
            operator: "Exists",
            effect: "NoExecute",
            tolerationSeconds: 15,
          })),
          ...pod,
        },
      },
    },
  });
}

export const addonDeployments = ["coredns", "metrics-server"] as const;
export type Addon = (typeof addonDeployments)[number];

/** Changes when what would be applied does. */
export function addonsDigest(plan: Plan): string {
  return createHash("sha256")
    .update(JSON.stringify(addons(plan)))
    .digest("hex");
}

function addons(plan: Plan): Manifest[] {
  return [...volumes(), ...networkPolicies(), ...dns(plan), ...metrics()];
}

/** Applies DNS, metrics and storage to the cluster. */
export async function applyAddons(plan: Plan, api: Api): Promise<void> {
  for (const { path, object } of addons(plan)) {
    await api.call(
      "PATCH",
      `${path}/${encodeURIComponent(object.metadata.name)}?fieldManager=ballast-cluster&force=true`,
      {
        body: object,
        contentType: "application/apply-patch+yaml",
      },
    );
  }
}

export interface AddonState {
  readonly name: Addon;
  readonly wanted: number;
  readonly ready: number;
}

export async function addonStates(api: Api): Promise<AddonState[]> {
  const { items } = await api.call<{
    items: { metadata: { name: string }; spec: { replicas: number }; status: { readyReplicas?: number } }[];
  }>("GET", `/apis/apps/v1/namespaces/${system}/deployments`);
  return addonDeployments.map((name) => {
    const found = items.find((item) => item.metadata.name === name);
    return { name, wanted: found?.spec.replicas ?? 1, ready: found?.status.readyReplicas ?? 0 };
  });
}
