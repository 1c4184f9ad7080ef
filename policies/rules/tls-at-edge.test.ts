import assert from "node:assert/strict";
import type { Resource } from "../object";
import { resource, run } from "../testing";
import { tlsAtEdge as rule } from "./tls-at-edge";

const metadata = { name: "web", namespace: "shop" };
const HTTPS = { name: "https", protocol: "HTTPS", port: 443, tls: { certificateRefs: [{ name: "wildcard" }] } };
const HTTP = { name: "http", protocol: "HTTP", port: 80 };
const gateway = (...listeners: unknown[]): Resource =>
  resource("kubernetes:gateway.networking.k8s.io/v1:Gateway", { metadata, spec: { listeners } });
const route = (rule: unknown, parent: Record<string, unknown> = {}): Resource =>
  resource("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", {
    metadata,
    spec: { parentRefs: [{ name: "web", ...parent }], rules: [rule] },
  });
const REDIRECT = { filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https" } }] };
const FORWARD = { backendRefs: [{ name: "web", port: 80 }] };

const ingress = (spec: unknown): Resource => resource("kubernetes:networking.k8s.io/v1:Ingress", { metadata, spec });
const service = (ports: unknown, annotations = {}, type = "LoadBalancer"): Resource =>
  resource("kubernetes:core/v1:Service", { metadata: { ...metadata, annotations }, spec: { type, ports } });

const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy tls-at-edge", () => {
  it("passes a gateway whose plain listener only redirects", async () => {
    const resources = [
      gateway(HTTP, HTTPS),
      route(REDIRECT, { sectionName: "http" }),
      route(FORWARD, { sectionName: "https" }),
    ];
    assert.deepEqual(await told(...resources), []);
    assert.deepEqual(
      await told(gateway({ name: "tls", protocol: "TLS", port: 443, tls: { mode: "Passthrough" } })),
      [],
    );
  });

  it("reports a plain listener that serves, by its section or by all, and one without certificate", async () => {
    for (const parent of [{ sectionName: "http" }, {}]) {
      assert.deepEqual(await told(gateway(HTTP, HTTPS), route(FORWARD, parent)), [
        "Gateway shop/web: listener 'http' takes HTTP without TLS; make it HTTPS or TLS, or let its routes only redirect to https",
      ]);
    }
    assert.deepEqual(await told(gateway({ ...HTTPS, tls: {} })), [
      "Gateway shop/web: listener 'https' has no certificate; name its Secret in tls.certificateRefs",
    ]);
    assert.equal((await told(gateway({ name: "tcp", protocol: "TCP", port: 5432 }))).length, 1);
  });

  it("wants every host of an Ingress covered", async () => {
    const rules = [{ host: "a.example.com" }, { host: "b.example.org" }];
    assert.deepEqual(await told(ingress({ tls: [{ hosts: ["*.example.com", "b.example.org"] }], rules })), []);
    assert.deepEqual(await told(ingress({ tls: [{ hosts: ["*.example.com"] }], rules })), [
      "Ingress shop/web: host 'b.example.org' stands in no entry of spec.tls; add it to the hosts of one",
    ]);
    assert.equal((await told(ingress({ rules }))).length, 1);
  });

  it("wants load balancers to take TLS, to end it, or to say where it ends", async () => {
    const plain = [{ name: "postgres", port: 5432 }];
    assert.deepEqual(await told(service(plain)), [
      "Service shop/web: port 5432 leaves the cluster without TLS; serve it by TLS, or say in the annotation ballast.dev/tls where TLS ends",
    ]);
    const passing = [
      service([{ port: 80 }, { port: 443 }]),
      service([{ name: "tls-postgres", port: 5432 }]),
      service(plain, { "ballast.dev/tls": "Postgres itself: sslmode=verify-full." }),
      service(plain, { "service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn" }),
      service(plain, {}, "ClusterIP"),
    ];
    for (const each of passing) assert.deepEqual(await told(each), []);
    assert.equal((await told(service([{ port: 80 }]))).length, 1);
  });
});
