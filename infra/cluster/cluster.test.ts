import assert from "node:assert/strict";
import { factory } from "../../local/engine/providers/kubernetes";
import { readConfig } from "../config";
import type { Declared } from "../testing/declared";
import { mockEngine, resolved, stackValues } from "../testing/declared";
import { settled } from "../testing/program";
import { platformCluster, type PlatformCluster } from "./index";

/** The cluster of a stack, with `change` of its configuration, and all that it declared. */
async function clusterOf(
  stack: string,
  change: object = {},
): Promise<{ readonly cluster: PlatformCluster; readonly declared: readonly Declared[] }> {
  const declared = mockEngine(stack);
  const values = stackValues(stack);
  const cluster = { ...(JSON.parse(values["cluster"] ?? "{}") as object), ...change };
  const config = readConfig({ stack, values: { ...values, cluster: JSON.stringify(cluster) } });
  const made = platformCluster(config.cluster);
  await settled(declared);
  return { cluster: made, declared };
}

const ofType = (declared: readonly Declared[], type: string) => declared.filter((each) => each.type === type);
const only = (declared: readonly Declared[], type: string): Record<string, unknown> => {
  const found = ofType(declared, type);
  assert.equal(found.length, 1, type);
  return found[0]?.inputs ?? {};
};

describe("the cluster of a stack", () => {
  const existing = { kind: "existing", context: "team", storageClass: "fast", exposure: "NodePort" };
  const stacks: readonly (readonly [provider: string, stack: string, change?: object])[] = [
    ["embedded", "local"],
    ["digitalocean", "dev"],
    ["eks", "prod"],
  ];
  for (const [provider, stack, change] of stacks) {
    it(`of kind ${provider} has the one shape`, async () => {
      const { cluster } = await clusterOf(stack, change);
      assert.equal(cluster.provider, provider);
      const shape = ["provider", "name", "storageClasses", "loadBalancer", "dns", "capabilities", "apiServer"] as const;
      for (const part of shape) assert.notEqual(cluster[part], undefined, part);
      assert.deepEqual(Object.keys(cluster.capabilities).sort(), [
        "charts",
        "nodeAutoscaling",
        "volumeExpansion",
        "volumeSnapshots",
      ]);
    });
  }

  it("that exists is named by its context, and told what it can do", async () => {
    const config = { ...existing, domain: "example.com", capabilities: { volumeSnapshots: true } };
    const values = { ...stackValues("local"), cluster: JSON.stringify(config) };
    const declared = mockEngine("local");
    const cluster = platformCluster(readConfig({ stack: "local", values }).cluster);
    assert.ok(cluster.kubernetes);
    await resolved(cluster.kubernetes.urn);
    const provider = only(declared, "pulumi:providers:kubernetes");
    assert.deepEqual([provider["context"], provider["clusterIdentifier"]], ["team", "team"]);
    assert.deepEqual(cluster.storageClasses, { database: "fast" });
    assert.equal(cluster.capabilities.volumeSnapshots, true);
    assert.equal(cluster.nodeAddress, "127.0.0.1");
  });

  describe("on EKS", () => {
    let declared: readonly Declared[];
    before(async () => ({ declared } = await clusterOf("prod")));

    it("keeps its nodes in private subnets of three zones, which leave by NAT", () => {
      const subnets = ofType(declared, "aws:ec2/subnet:Subnet");
      const isPrivate = ({ name }: Declared) => name.includes("private");
      assert.deepEqual(
        subnets.filter(isPrivate).map(({ inputs }) => [inputs["availabilityZone"], inputs["cidrBlock"]]),
        [
          ["us-east-1a", "10.40.0.0/18"],
          ["us-east-1b", "10.40.64.0/18"],
          ["us-east-1c", "10.40.128.0/18"],
        ],
      );
      assert.deepEqual(
        subnets.filter((subnet) => !isPrivate(subnet)).map(({ inputs }) => inputs["cidrBlock"]),
        ["10.40.192.0/24", "10.40.193.0/24", "10.40.194.0/24"],
      );
      const ids = subnets.filter(isPrivate).map(({ name }) => name);
      for (const { inputs } of ofType(declared, "aws:eks/nodeGroup:NodeGroup"))
        assert.deepEqual(inputs["subnetIds"], ids);
      const routes = ofType(declared, "aws:ec2/routeTable:RouteTable").filter(isPrivate);
      assert.equal(routes.length, 3);
      for (const { inputs } of routes) assert.ok((inputs["routes"] as { natGatewayId: string }[])[0]?.natGatewayId);
    });

    it("has one NAT gateway, or one a zone", async () => {
      assert.equal(ofType(declared, "aws:ec2/natGateway:NatGateway").length, 1);
      const three = await clusterOf("prod", { natGateways: "per zone" });
      assert.equal(ofType(three.declared, "aws:ec2/natGateway:NatGateway").length, 3);
    });

    it("encrypts Secrets by a key of its own that is rotated, and logs all that the control plane does", () => {
      const cluster = only(declared, "aws:eks/cluster:Cluster");
      assert.deepEqual((cluster["encryptionConfig"] as { resources: string[] }).resources, ["secrets"]);
      assert.equal(only(declared, "aws:kms/key:Key")["enableKeyRotation"], true);
      assert.deepEqual(cluster["enabledClusterLogTypes"], [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
      ]);
      assert.equal(only(declared, "aws:cloudwatch/logGroup:LogGroup")["retentionInDays"], 90);
      const { publicAccessCidrs, endpointPrivateAccess } = cluster["vpcConfig"] as Record<string, unknown>;
      assert.deepEqual([publicAccessCidrs, endpointPrivateAccess], [["203.0.113.0/24"], true]);
    });

    it("gives controllers identities of their own, and pods no way to their node's", () => {
      const accounts = ofType(declared, "aws:eks/podIdentityAssociation:PodIdentityAssociation").map(({ inputs }) => [
        inputs["namespace"],
        inputs["serviceAccount"],
      ]);
      assert.deepEqual(accounts.sort(), [
        ["certificates", "cert-manager"],
        ["edge", "external-dns"],
        ["kube-system", "cluster-autoscaler"],
        ["kube-system", "ebs-csi-controller-sa"],
      ]);
      for (const { name, inputs } of ofType(declared, "aws:iam/rolePolicy:RolePolicy")) {
        const { Statement } = JSON.parse(inputs["policy"] as string) as { Statement: { Action: string[] }[] };
        for (const { Action } of Statement)
          assert.ok(
            Action.every((action) => !action.includes("*")),
            name,
          );
      }
      for (const { inputs } of ofType(declared, "aws:ec2/launchTemplate:LaunchTemplate")) {
        assert.deepEqual(inputs["metadataOptions"], { httpTokens: "required", httpPutResponseHopLimit: 1 });
      }
    });

    it("sets nodes aside for data, and lets both groups follow the load", () => {
      const groups = ofType(declared, "aws:eks/nodeGroup:NodeGroup").map(({ inputs }) => inputs);
      assert.deepEqual(
        groups.map(({ nodeGroupName, taints }) => [nodeGroupName, taints]),
        [
          ["general", []],
          ["data", [{ key: "ballast.dev/pool", value: "data", effect: "NO_SCHEDULE" }]],
        ],
      );
      for (const { scalingConfig } of groups) {
        const { minSize, maxSize } = scalingConfig as { minSize: number; maxSize: number };
        assert.ok(minSize < maxSize);
      }
      const release = only(declared, "kubernetes:helm.sh/v3:Release");
      assert.deepEqual([release["chart"], typeof release["version"]], ["cluster-autoscaler", "string"]);
    });

    it("makes encrypted volumes that outlive their claims", () => {
      const storage = only(declared, "kubernetes:storage.k8s.io/v1:StorageClass");
      assert.deepEqual(storage["parameters"], { type: "gp3", encrypted: "true" });
      assert.deepEqual(
        [storage["reclaimPolicy"], storage["volumeBindingMode"], storage["allowVolumeExpansion"]],
        ["Retain", "WaitForFirstConsumer", true],
      );
    });
  });

  it("at DigitalOcean has pools of its own for data, and keeps its version through patch releases", async () => {
    const { declared } = await clusterOf("dev");
    const cluster = only(declared, "digitalocean:index/kubernetesCluster:KubernetesCluster");
    assert.deepEqual([cluster["surgeUpgrade"], cluster["autoUpgrade"], cluster["ha"]], [true, true, false]);
    const { autoScale, minNodes, maxNodes } = cluster["nodePool"] as Record<string, unknown>;
    assert.deepEqual([autoScale, minNodes, maxNodes], [true, 1, 3]);
    const pool = only(declared, "digitalocean:index/kubernetesNodePool:KubernetesNodePool");
    assert.deepEqual(pool["taints"], [{ key: "ballast.dev/pool", value: "data", effect: "NoSchedule" }]);
  });

  for (const [kind, stack] of [
    ["DigitalOcean", "dev"],
    ["EKS", "prod"],
  ] as const) {
    it(`on ${kind} is the same one after its kubeconfig was rotated`, async () => {
      const { declared } = await clusterOf(stack);
      const inputs = only(declared, "pulumi:providers:kubernetes");
      const kubeconfig = (server: string, token: string) =>
        JSON.stringify({
          apiVersion: "v1",
          kind: "Config",
          "current-context": "c",
          contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
          clusters: [{ name: "c", cluster: { server } }],
          users: [{ name: "u", user: { token } }],
        });
      const identifier = inputs["clusterIdentifier"] ?? "the-cluster";
      const olds = { kubeconfig: kubeconfig("https://one", "first"), clusterIdentifier: identifier as string };
      const rotated = { ...olds, kubeconfig: kubeconfig("https://two", "second") };
      assert.ok("clusterIdentifier" in inputs);
      const same = await factory.diffConfig(olds, rotated);
      assert.deepEqual(same.replaceKeys, []);
      const other = await factory.diffConfig(olds, { ...rotated, clusterIdentifier: "another" });
      assert.notDeepEqual(other.replaceKeys, []);
    });
  }
});
