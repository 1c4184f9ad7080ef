import { LogGroup } from "@pulumi/aws/cloudwatch/logGroup";
import { Addon } from "@pulumi/aws/eks/addon";
import { Cluster } from "@pulumi/aws/eks/cluster";
import { PodIdentityAssociation } from "@pulumi/aws/eks/podIdentityAssociation";
import { Key } from "@pulumi/aws/kms/key";
import { Provider as AwsProvider } from "@pulumi/aws/provider";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";
import type { EksConfig } from "../../config";
import { cloudCapabilities, dataPool } from "../cloud";
import { databaseStorage } from "../databaseStorage";
import type { Dns, LoadBalancer, PlatformCluster } from "../platformCluster";
import { clusterAutoscaler } from "./autoscaler";
import { cloudIdentities } from "./identities";
import { EksNetwork } from "./network";
import { nodeGroup } from "./nodeGroup";
import { serviceRole } from "./roles";

/** All that the control plane can log. */
const logTypes = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/** Add-ons that AWS keeps up to date, with what each is told. */
const addons: Readonly<Record<string, object>> = {
  // Network policies are enforced by the network plugin itself.
  "vpc-cni": { enableNetworkPolicy: "true" },
  "kube-proxy": {},
  coredns: {},
  "eks-pod-identity-agent": {},
  "aws-ebs-csi-driver": {},
  "metrics-server": {},
};

/**
 * EKS: nodes without public addresses over three zones, pod identities in place of keys, Secrets encrypted by a key of our own, all logs
 * of the control plane, and autoscaled groups of nodes for services and for data.
 */
export class EksCluster extends pulumi.ComponentResource implements PlatformCluster {
  readonly provider = "eks";
  readonly name: pulumi.Output<string>;
  readonly kubernetes: Provider;
  readonly storageClasses: PlatformCluster["storageClasses"];
  readonly loadBalancer: LoadBalancer = {
    serviceType: "LoadBalancer",
    annotations: {
      "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
      "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
    },
  };
  readonly dns: Dns;
  readonly capabilities = cloudCapabilities;
  readonly apiServer: PlatformCluster["apiServer"];
  readonly dataNodes = dataPool;
  readonly nodeAddress = undefined;

  constructor(name: string, config: EksConfig, options?: pulumi.ComponentResourceOptions) {
    super("ballast:cluster:EksCluster", name, {}, options);
    const access = { provider: "route53", region: config.region } as const;
    this.dns = { domain: config.domain, names: { access, email: config.email } };
    this.apiServer = { cidr: config.vpcCidr, ports: [443] };
    const aws = new AwsProvider(
      name,
      {
        region: config.region,
        defaultTags: { tags: { "app.kubernetes.io/part-of": "ballast", cluster: config.name } },
      },
      { parent: this },
    );
    const child = { parent: this, provider: aws };
    const keep = { ...child, protect: config.protect };

    const network = new EksNetwork(name, config, { parent: this, providers: [aws] });
    const key = new Key(
      name,
      { description: `Secrets of the cluster ${config.name}`, enableKeyRotation: true, deletionWindowInDays: 30 },
      keep,
    );
    // Made before the cluster, which would make it without an end to its retention.
    const logs = new LogGroup(
      name,
      { name: `/aws/eks/${config.name}/cluster`, retentionInDays: Number.parseInt(config.logRetention, 10) },
      child,
    );
    const cluster = new Cluster(
      name,
      {
        name: config.name,
        version: config.version,
        roleArn: serviceRole(
          `${name}-control-plane`,
          { trusted: "eks.amazonaws.com", managed: ["AmazonEKSClusterPolicy"] },
          child,
        ).arn,
        accessConfig: { authenticationMode: "API", bootstrapClusterCreatorAdminPermissions: true },
        enabledClusterLogTypes: logTypes,
        encryptionConfig: { provider: { keyArn: key.arn }, resources: ["secrets"] },
        kubernetesNetworkConfig: { serviceIpv4Cidr: config.serviceCidr },
        upgradePolicy: { supportType: "STANDARD" },
        vpcConfig: {
          subnetIds: [...network.privateSubnetIds, ...network.publicSubnetIds],
          endpointPrivateAccess: true,
          endpointPublicAccess: true,
          publicAccessCidrs: config.apiAccess,
        },
      },
      { ...keep, dependsOn: [logs, network] },
    );

    const nodeRole = serviceRole(
      `${name}-node`,
      {
        trusted: "ec2.amazonaws.com",
        managed: [
          "AmazonEKSWorkerNodePolicy",
          "AmazonEKS_CNI_Policy",
          "AmazonEC2ContainerRegistryPullOnly",
          "AmazonSSMManagedInstanceCore",
        ],
      },
      child,
    );
    const shared = { cluster, roleArn: nodeRole.arn, subnetIds: network.privateSubnetIds, disk: config.nodeDisk };
    const groups = [
      nodeGroup(`${name}-general`, { ...shared, pool: config.nodes.general, name: "general" }, child),
      nodeGroup(`${name}-data`, { ...shared, pool: config.nodes.data, name: "data", reserved: dataPool }, child),
    ];
    const identities = Object.entries(cloudIdentities(config.name)).map(([part, identity]) => {
      const { namespace, serviceAccount, ...rights } = identity;
      const role = serviceRole(`${name}-${part}`, { trusted: "pods.eks.amazonaws.com", ...rights }, child);
      return new PodIdentityAssociation(
        `${name}-${part}`,
        { clusterName: cluster.name, namespace, serviceAccount, roleArn: role.arn },
        child,
      );
    });
    const installed = Object.entries(addons).map(
      ([addonName, settings]) =>
        new Addon(
          `${name}-${addonName}`,
          {
            clusterName: cluster.name,
            addonName,
            configurationValues: JSON.stringify(settings),
            resolveConflictsOnCreate: "OVERWRITE",
            resolveConflictsOnUpdate: "PRESERVE",
          },
          // The network plugin must be there for a node to become ready; all else needs nodes.
          addonName === "vpc-cni" ? child : { ...child, dependsOn: [...groups, ...identities] },
        ),
    );

    this.name = cluster.name;
    this.kubernetes = new Provider(
      name,
      {
        kubeconfig: kubeconfig(cluster, config.region),
        // The ARN stays when the endpoint's certificate or the way to log in changes.
        clusterIdentifier: cluster.arn,
      },
      { parent: this, dependsOn: installed },
    );
    const onCluster = { parent: this, provider: this.kubernetes };
    const parameters = { type: "gp3", encrypted: "true" };
    this.storageClasses = {
      database: databaseStorage(name, { provisioner: "ebs.csi.aws.com", parameters }, onCluster),
    };
    clusterAutoscaler({ cluster: config.name, region: config.region }, onCluster);
    this.registerOutputs({ name: this.name, storageClasses: this.storageClasses });
  }
}

/** Whoever uses it logs in with an AWS identity of their own: it holds no secret. */
function kubeconfig({ name, endpoint, certificateAuthority }: Cluster, region: string): pulumi.Output<string> {
  const context = "eks";
  return pulumi.all([name, endpoint, certificateAuthority]).apply(([cluster, server, { data }]) =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": context,
      contexts: [{ name: context, context: { cluster, user: context } }],
      clusters: [{ name: cluster, cluster: { server, "certificate-authority-data": data } }],
      users: [
        {
          name: context,
          user: {
            exec: {
              apiVersion: "client.authentication.k8s.io/v1",
              command: "aws",
              args: ["eks", "get-token", "--cluster-name", cluster, "--region", region],
              interactiveMode: "Never",
            },
          },
        },
      ],
    }),
  );
}
