import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformCluster } from "../cluster";
import { embeddedCluster } from "../cluster/embedded";
import type { Declared } from "../testing/declared";
import type { EdgeArgs } from "./edge";
import { routeTable } from "./table";

const domain = "cardealer.example";

const cloud: EdgeArgs["cluster"] = {
  name: "prod",
  loadBalancer: { serviceType: "LoadBalancer", annotations: { "example.com/type": "nlb" } },
  dns: { domain },
  capabilities: { charts: true, nodeAutoscaling: true, volumeExpansion: true, volumeSnapshots: true },
  apiServer: { cidr: "10.0.0.0/16", ports: [443] },
  nodeAddress: undefined,
} satisfies Partial<PlatformCluster>;

/** All that the edge declares, as its inputs. */
async function declare(args: Partial<EdgeArgs>): Promise<Declared[]> {
  const declared: Declared[] = [];
  const mocks: pulumi.runtime.Mocks = {
    newResource: ({ type, name, inputs, id }) => {
      declared.push({ type, name, inputs: inputs as Record<string, unknown>, read: false });
      const data = type.endsWith(":ConfigMap") && id ? { data: { "ca.crt": "certificate" } } : {};
      return { id: id || name, state: { ...(inputs as object), ...data } };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  };
  await pulumi.runtime.setMocks(mocks, "ballast", "edge", false);
  const { Edge } = await import("./edge.js");
  new Edge("edge", { cluster: cloud, namespace: "edge", certificatesNamespace: "certificates", ...args });
  // Everything has been registered once no call is under way.
  await pulumi.runtime.disconnect();
  return declared;
}

const kindOf = ({ type }: Declared) => type.split(":").at(-1) ?? "";
type Fields = Readonly<Record<string, unknown>>;
const at = <T>(value: unknown, ...path: (string | number)[]): T =>
  path.reduce<unknown>((found, key) => (found as Record<string | number, unknown>)[key], value) as T;
const named = (declared: readonly Declared[], kind: string) =>
  declared
    .filter((one) => kindOf(one) === kind)
    .map(({ inputs }) => ({ name: at<string>(inputs, "metadata", "name"), spec: inputs["spec"] as Fields }))
    // Whatever waits for the same is declared in any order.
    .sort((one, other) => one.name.localeCompare(other.name));
const names = { access: { provider: "route53", region: "eu-central-1" }, email: "platform@cardealer.example" } as const;

describe("the edge", () => {
  let local: Declared[];
  let inCloud: Declared[];

  before(async () => {
    local = await declare({ cluster: embeddedCluster({ kind: "embedded", domain }) });
    inCloud = await declare({ names });
  });

  it("has the same Gateway and routes everywhere, but for the class and the port of HTTPS", () => {
    const shown = (declared: readonly Declared[]) =>
      JSON.stringify([...named(declared, "Gateway"), ...named(declared, "HTTPRoute")])
        .replace(/"gatewayClassName":"\w+"/, "")
        .replace(/"port":\d+,"statusCode"/, "");
    assert.equal(shown(local), shown(inCloud));
    assert.deepEqual(
      named(local, "HTTPRoute").map(({ name }) => name),
      ["edge-api", "edge-api-v1", "edge-auth", "edge-front", "edge-redirect"],
    );
  });

  it("ends TLS for the domain and every name below it, and only redirects HTTP", () => {
    const [gateway] = named(inCloud, "Gateway");
    const listeners = at<Fields[]>(gateway?.spec, "listeners");
    assert.deepEqual(
      listeners.map(({ protocol, port, hostname }) => [protocol, port, hostname]),
      [
        ["HTTP", 80, domain],
        ["HTTP", 80, `*.${domain}`],
        ["HTTPS", 443, domain],
        ["HTTPS", 443, `*.${domain}`],
      ],
    );
    for (const { tls } of listeners.filter(({ protocol }) => protocol === "HTTPS")) {
      assert.equal(at(tls, "certificateRefs", 0, "name"), "edge-certificate");
    }
    const attached = named(inCloud, "HTTPRoute").filter(({ spec }) =>
      at<Fields[]>(spec, "parentRefs").some(
        ({ sectionName }) => String(sectionName).startsWith("http-") || sectionName === "http",
      ),
    );
    assert.deepEqual(
      attached.map(({ name }) => name),
      ["edge-redirect"],
    );
    const filter = at(attached[0]?.spec, "rules", 0, "filters", 0, "requestRedirect");
    assert.deepEqual(filter, { scheme: "https", port: 443, statusCode: 301 });
  });

  it("gives Traefik the limits of the table, and no access to any Secret outside of the edge", () => {
    const config = local.find(({ name }) => name === "edge-config");
    const dynamic = JSON.parse(at<string>(config?.inputs, "data", "dynamic.yml")) as object;
    const classes = at<Fields[]>(dynamic, "http", "middlewares", "limits", "plugin", "limits", "classes");
    assert.deepEqual(classes[0], { name: "auth", prefixes: ["/auth", "/api/v1/auth"], requests: 10, seconds: 60 });
    assert.deepEqual(
      classes.map(({ name }) => name),
      Object.keys(routeTable().limits),
    );
    const fixed = JSON.parse(at<string>(config?.inputs, "data", "traefik.yml")) as object;
    assert.deepEqual(at(fixed, "providers", "kubernetesGateway", "namespaces"), ["edge"]);
    const wide = local.find((one) => kindOf(one) === "ClusterRole");
    assert.doesNotMatch(JSON.stringify(wide?.inputs["rules"]), /secrets|\*/);
    const order = at<string[]>(fixed, "entryPoints", "websecure", "http", "middlewares");
    assert.ok(order.indexOf("limits@file") < order.indexOf("retry@file"), "a refused request would be tried again");
  });

  it("keeps the keys of the cluster's own authority out of the program, and its rights to three objects", () => {
    assert.deepEqual(
      local.filter((one) => kindOf(one) === "Secret"),
      [],
    );
    const roles = local.filter((one) => kindOf(one) === "Role" && one.name.startsWith("edge-authority"));
    assert.deepEqual(
      roles.map(({ inputs }) => [at(inputs, "metadata", "namespace"), inputs["rules"]]),
      [
        [
          "certificates",
          [
            {
              apiGroups: [""],
              resources: ["secrets"],
              resourceNames: ["edge-authority-key"],
              verbs: ["get", "create", "patch"],
            },
          ],
        ],
        [
          "edge",
          [
            {
              apiGroups: [""],
              resources: ["secrets"],
              resourceNames: ["edge-certificate"],
              verbs: ["get", "create", "patch"],
            },
            {
              apiGroups: [""],
              resources: ["configmaps"],
              resourceNames: ["edge-authority-ca"],
              verbs: ["get", "create", "patch"],
            },
          ],
        ],
      ],
    );
  });

  it("installs charts of one version, each container of theirs with its size", () => {
    const releases = inCloud.filter((one) => kindOf(one) === "Release");
    assert.deepEqual(releases.map(({ name }) => name).sort(), ["cert-manager", "envoy-gateway", "external-dns"]);
    for (const { name, inputs } of releases) {
      assert.match(String(inputs["version"]), /^v?\d+\.\d+\.\d+$/, name);
      assert.match(JSON.stringify(inputs["values"]), /"limits":\{"cpu"/, name);
    }
    assert.deepEqual(
      local.filter((one) => kindOf(one) === "Release"),
      [],
    );
    assert.equal(inCloud.filter((one) => kindOf(one) === "CustomResourceDefinition").length, 0);
    assert.equal(local.filter((one) => kindOf(one) === "CustomResourceDefinition").length, 6);
  });

  it("allows every part of the charts its flows, for the namespaces deny all else", () => {
    const flows = new Map(named(inCloud, "NetworkPolicy").map(({ name, spec }) => [name, spec]));
    const shown = (part: string, direction: "ingress" | "egress") =>
      at<{ readonly from?: object; readonly to?: object; readonly ports: readonly { port: number }[] }[]>(
        flows.get(part),
        direction,
      ).map(({ from, to, ports }) => [JSON.stringify(from ?? to), ...ports.map(({ port }) => port)].join(" "));
    const apiServer = '[{"ipBlock":{"cidr":"10.0.0.0/16"}}]';
    for (const part of [
      "cert-manager",
      "cert-manager-webhook",
      "cert-manager-cainjector",
      "cert-manager-startupapicheck",
    ])
      assert.ok(shown(part, "egress").includes(`${apiServer} 443`), part);
    for (const part of ["envoy-gateway", "envoy-gateway-certgen", "external-dns"])
      assert.ok(shown(part, "egress").includes(`${apiServer} 443`), part);
    assert.ok(shown("cert-manager-webhook", "ingress").includes(`${apiServer} 10250`));
    // The agent that gives a pod its identity on EKS.
    for (const part of ["cert-manager", "external-dns"])
      assert.match(shown(part, "egress").join(), /169\.254\.170\.23\/32"}}\] 80/, part);
    assert.match(shown("edge-proxy", "ingress").join(), /10080 10443/);
    assert.match(shown("edge-proxy", "egress").join(), /envoy-gateway.* 18000.*edge-front.* 8080/);
  });

  it("takes the client's address from a balancer that tells it", async () => {
    const [plain] = named(inCloud, "ClientTrafficPolicy");
    assert.equal(plain?.spec["proxyProtocol"], undefined);
    const cluster = { ...cloud, loadBalancer: { ...cloud.loadBalancer, proxyProtocol: true } };
    const [told] = named(await declare({ names, cluster }), "ClientTrafficPolicy");
    assert.deepEqual(told?.spec["proxyProtocol"], { optional: true });
  });

  it("lets the container beside each proxy write the file by which it knows that connections are gone", () => {
    const [proxy] = named(inCloud, "EnvoyProxy");
    const container = at<Fields>(
      proxy?.spec,
      ...["provider", "kubernetes", "envoyDeployment", "patch", "value", "spec", "template", "spec", "containers", 0],
    );
    assert.deepEqual(container["volumeMounts"], [{ name: "shutdown", mountPath: "/tmp" }]);
    assert.match(JSON.stringify(container["resources"]), /"limits":\{"cpu"/);
  });

  it("holds clients of Envoy to the same limits, each address and each user", () => {
    const policies = named(inCloud, "BackendTrafficPolicy");
    assert.deepEqual(
      policies.map(({ name }) => name),
      ["edge-api", "edge-api-v1", "edge-auth", "edge-front"],
    );
    const auth = policies.find(({ name }) => name === "edge-auth");
    const rules = at<Fields[]>(auth?.spec, "rateLimit", "local", "rules");
    assert.deepEqual(
      rules.map(({ limit }) => limit),
      Array.from({ length: 4 }, () => ({ requests: 10, unit: "Minute" })),
    );
    assert.match(JSON.stringify(rules), /"type":"Distinct","value":"0\.0\.0\.0\/0"/);
    assert.match(JSON.stringify(rules), /"name":"x-api-key","type":"Distinct"/);
    assert.equal(at(auth?.spec, "retry", "numRetries"), 3);
    assert.equal(at(auth?.spec, "healthCheck", "passive", "consecutive5XxErrors"), 5);
    assert.equal(at(auth?.spec, "healthCheck", "passive", "baseEjectionTime"), "30s");
    assert.equal(at(auth?.spec, "timeout", "http", "requestTimeout"), "30s");
    const [clients] = named(inCloud, "ClientTrafficPolicy");
    assert.equal(at(clients?.spec, "tls", "minVersion"), "1.2");
  });

  it("counts in Redis once it is given one", async () => {
    const declared = await declare({ names, redis: "redis.data.svc:6379" });
    const [first] = named(declared, "BackendTrafficPolicy");
    assert.ok(at(first?.spec, "rateLimit", "global", "rules"));
    const chart = declared.find((one) => kindOf(one) === "Release" && one.name === "envoy-gateway");
    assert.equal(
      at(chart?.inputs, "values", "config", "envoyGateway", "rateLimit", "backend", "redis", "url"),
      "redis.data.svc:6379",
    );
  });

  it("proves the domain through Route 53 without a key, and through DigitalOcean with a secret one", async () => {
    const solverOf = (declared: readonly Declared[]) =>
      at(named(declared, "ClusterIssuer")[0]?.spec, "acme", "solvers", 0, "dns01");
    assert.deepEqual(solverOf(inCloud), { route53: { region: "eu-central-1" } });
    assert.deepEqual(
      inCloud.filter((one) => kindOf(one) === "Secret"),
      [],
    );
    const token = pulumi.secret("token-of-the-test");
    const elsewhere = await declare({ names: { ...names, access: { provider: "digitalocean", token } } });
    assert.deepEqual(solverOf(elsewhere), {
      digitalocean: { tokenSecretRef: { name: "dns-token", key: "access-token" } },
    });
    for (const one of elsewhere.filter((other) => kindOf(other) !== "Secret")) {
      assert.doesNotMatch(JSON.stringify(one.inputs), /token-of-the-test/, one.name);
    }
    const [certificate] = named(elsewhere, "Certificate");
    assert.deepEqual(at(certificate?.spec, "dnsNames"), [domain, `*.${domain}`]);
  });
});
