import { createHash } from "node:crypto";
import { CronJob } from "@pulumi/kubernetes/batch/v1/cronJob";
import { Job } from "@pulumi/kubernetes/batch/v1/job";
import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/serviceAccount";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
import { Role } from "@pulumi/kubernetes/rbac/v1/role";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/roleBinding";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../../cluster";
import { imageReference } from "../../imageReference";
import { labelsOf, selectorOf } from "../../workload/labels";
import { networkPolicySpec } from "../../workload/network";
import type { PodArgs } from "../../workload/podSpec";
import { podSpec, reasons } from "../../workload/podSpec";
import lifetimes from "./lifetimes.json";

export interface OwnAuthorityArgs {
  /** Where the authority's key is kept; what serves the traffic has no access to it. */
  readonly namespace: string;
  /** Where the certificate is used. */
  readonly edgeNamespace: string;
  /** The certificate is for this name and all names right below it. */
  readonly domain: string;
  /** Name of the Secret of the certificate, in the edge's namespace. */
  readonly certificateSecret: string;
  readonly cluster: Pick<PlatformCluster, "apiServer">;
}

/**
 * Certificates where no public authority can sign: one of the cluster's own, which a job in the cluster makes, and renews before it
 * ends. No private key ever leaves the cluster, nor enters the state of the stack.
 */
export class OwnAuthority extends pulumi.ComponentResource {
  /** The authority's certificate (PEM), for clients to trust. */
  readonly certificate: pulumi.Output<string>;
  /** To be waited for: after it the certificate is there. */
  readonly ready: Job;

  constructor(name: string, args: OwnAuthorityArgs, options?: pulumi.ComponentResourceOptions) {
    super("ballast:edge:OwnAuthority", name, {}, options);
    const { namespace, edgeNamespace, cluster } = args;
    const identity = { name, namespace, component: "certificates", owner: "platform" };
    const labels = labelsOf(identity);
    const child = { parent: this };
    const metadata = { name, namespace, labels };

    const account = new ServiceAccount(name, { metadata, automountServiceAccountToken: false }, child);
    const policy = new NetworkPolicy(
      name,
      {
        metadata,
        spec: networkPolicySpec(selectorOf(identity), {
          ingress: [],
          egress: [{ peer: { cidr: cluster.apiServer.cidr }, ports: cluster.apiServer.ports }],
        }),
      },
      child,
    );
    const authoritySecret = `${name}-key`;
    const authorityConfigMap = `${name}-ca`;
    const rights = [
      ...this.rights(`${name}-own`, name, namespace, namespace, labels, { secrets: [authoritySecret] }),
      ...this.rights(`${name}-edge`, name, namespace, edgeNamespace, labels, {
        secrets: [args.certificateSecret],
        configmaps: [authorityConfigMap],
      }),
    ];

    const pod: PodArgs = {
      ...identity,
      priority: "ballast-batch",
      containers: [
        {
          name: "authority",
          image: imageReference("edge-tools"),
          args: ["/opt/edge/authority.py"],
          environment: {
            DOMAIN: args.domain,
            AUTHORITY_NAMESPACE: namespace,
            EDGE_NAMESPACE: edgeNamespace,
            AUTHORITY_OBJECT: authoritySecret,
            AUTHORITY_CONFIGMAP: authorityConfigMap,
            CERTIFICATE_OBJECT: args.certificateSecret,
            LIFETIME_HOURS: String(lifetimes.hours),
            RENEW_BEFORE_HOURS: String(lifetimes.renewBeforeHours),
          },
          sizes: { cpu: { request: "20m", limit: "500m" }, memory: { request: "48Mi", limit: "128Mi" } },
          probes: { waived: "It runs for a second and ends; its exit code is its health" },
        },
      ],
      user: { uid: 65532, gid: 65532 },
      sharesNodes: "if needed",
      apiAccess: "It writes the certificate's Secret, and reads when it ends",
      stopSeconds: 10,
    };
    const annotations = reasons(pod);
    const spec = {
      backoffLimit: 6,
      activeDeadlineSeconds: 300,
      template: { metadata: { labels }, spec: { ...podSpec(pod), restartPolicy: "OnFailure" } },
    };
    const dependsOn = [account, policy, ...rights];
    // A job's pod cannot be changed, so another pod is another job.
    const digest = createHash("sha256").update(JSON.stringify(pod)).digest("hex").slice(0, 8);
    this.ready = new Job(
      `${name}-first`,
      { metadata: { ...metadata, name: `${name}-${digest}`, annotations }, spec },
      { ...child, dependsOn },
    );
    new CronJob(
      name,
      {
        metadata: { ...metadata, annotations },
        spec: {
          schedule: lifetimes.schedule,
          concurrencyPolicy: "Forbid",
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 1,
          startingDeadlineSeconds: 3600,
          jobTemplate: { metadata: { labels }, spec },
        },
      },
      { ...child, dependsOn },
    );
    const id = this.ready.id.apply(() => `${edgeNamespace}/${authorityConfigMap}`);
    const published = ConfigMap.get(`${name}-ca`, id, child);
    this.certificate = published.data.apply((data) => data["ca.crt"] ?? "");
    this.registerOutputs({ certificate: this.certificate });
  }

  /** Rights on the named objects of one namespace, and on no other. */
  private rights(
    resource: string,
    name: string,
    accountNamespace: string,
    namespace: string,
    labels: Record<string, string>,
    objects: Readonly<Record<string, readonly string[]>>,
  ): pulumi.Resource[] {
    const child = { parent: this };
    const metadata = { name, namespace, labels };
    const role = new Role(
      resource,
      {
        metadata,
        rules: Object.entries(objects).map(([kind, names]) => ({
          apiGroups: [""],
          resources: [kind],
          resourceNames: [...names],
          // Server-side apply says in the address which object it creates, so a name narrows that, too.
          verbs: ["get", "create", "patch"],
        })),
      },
      child,
    );
    const binding = new RoleBinding(
      resource,
      {
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace: accountNamespace }],
      },
      { ...child, dependsOn: [role] },
    );
    return [binding];
  }
}
