import limits from "../limits.json";
import type { KubernetesObject } from "../object";
import type { Finding, StackRule } from "../rule";
import { at, elements, reasonIn, show, Unknown, unknownIn, type Value } from "../value";

const { tls: REASON } = limits.annotations;
const TLS_PORTS = [443, 8443];
const TLS_NAME = /^(?:https|tls|grpcs|wss|websecure)(?:-|$)/;
/** Annotations by which a cloud's load balancer ends TLS itself. */
const TERMINATING = [
  "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
  "service.beta.kubernetes.io/do-loadbalancer-certificate-id",
  "service.beta.kubernetes.io/do-loadbalancer-tls-passthrough",
];

/** Findings about `object` as a whole, unless it says why TLS is elsewhere. */
function* unlessReasoned(object: KubernetesObject, found: Iterable<Finding>): Generator<Finding> {
  const reason = reasonIn(at(object.fields, "metadata", "annotations"), REASON);
  if (typeof reason === "string") return;
  for (const finding of found) yield { ...(reason === undefined ? finding : { unknown: reason }), subject: object };
}

function* ingress({ fields }: KubernetesObject): Generator<Finding> {
  const tls = at(fields, "spec", "tls");
  const unknown = unknownIn(tls) ?? unknownIn(at(fields, "spec", "rules"));
  if (unknown !== undefined) {
    yield { unknown };
    return;
  }
  const covered = new Set<Value>(elements(tls).flatMap((entry) => elements(at(entry, "hosts"))));
  const wildcard = (host: string): string => `*.${host.split(".").slice(1).join(".")}`;
  if (elements(tls).length === 0) yield { breach: `spec.tls is missing; name a certificate's Secret for its hosts` };
  else {
    for (const rule of elements(at(fields, "spec", "rules"))) {
      const host = at(rule, "host");
      if (typeof host !== "string" || covered.has(host) || covered.has(wildcard(host))) continue;
      yield { breach: `host '${host}' stands in no entry of spec.tls; add it to the hosts of one` };
    }
  }
}

function* service({ fields }: KubernetesObject): Generator<Finding> {
  const type = at(fields, "spec", "type");
  if (type instanceof Unknown) yield { unknown: type };
  if (type !== "LoadBalancer") return;
  const annotations = at(fields, "metadata", "annotations");
  if (TERMINATING.some((name) => at(annotations, name) !== undefined)) return;
  const ports = at(fields, "spec", "ports");
  const unknown = unknownIn(ports);
  if (unknown !== undefined) {
    yield { unknown };
    return;
  }
  const isTls = (port: Value): boolean =>
    TLS_PORTS.includes(at(port, "port") as number) ||
    ["name", "appProtocol"].some((field) => TLS_NAME.test(show(at(port, field) ?? "")));
  const secured = elements(ports).some(isTls);
  for (const port of elements(ports)) {
    const number = at(port, "port");
    // Port 80 beside 443 is where browsers are sent to the other; the Gateway's own rule sees that it does.
    if (isTls(port) || (number === 80 && secured)) continue;
    yield {
      breach: `port ${show(number)} leaves the cluster without TLS; serve it by TLS, or say in the annotation ${REASON} where TLS ends`,
    };
  }
}

/** Whether all routes at a listener only send clients to HTTPS. */
function redirects(gateway: KubernetesObject, listener: Value, routes: readonly KubernetesObject[]): boolean | Unknown {
  const attached: KubernetesObject[] = [];
  for (const route of routes) {
    const unknown = unknownIn(at(route.fields, "spec", "parentRefs")) ?? unknownIn(at(route.fields, "spec", "rules"));
    for (const parent of elements(at(route.fields, "spec", "parentRefs"))) {
      const section = at(parent, "sectionName");
      const matches =
        at(parent, "name") === gateway.name &&
        (at(parent, "namespace") ?? route.namespace) === gateway.namespace &&
        (section === undefined || section === at(listener, "name"));
      if (matches && unknown !== undefined) return unknown;
      if (matches) attached.push(route);
    }
  }
  return attached.every(({ fields }) =>
    elements(at(fields, "spec", "rules")).every((rule) =>
      elements(at(rule, "filters")).some(
        (filter) => at(filter, "type") === "RequestRedirect" && at(filter, "requestRedirect", "scheme") === "https",
      ),
    ),
  );
}

function* gateway(object: KubernetesObject, routes: readonly KubernetesObject[]): Generator<Finding> {
  const listeners = at(object.fields, "spec", "listeners");
  const unknown = unknownIn(listeners);
  if (unknown !== undefined) {
    yield { unknown };
    return;
  }
  for (const listener of elements(listeners)) {
    const [name, protocol] = [show(at(listener, "name")), at(listener, "protocol")];
    if (protocol === "HTTPS" || protocol === "TLS") {
      const isPassed = at(listener, "tls", "mode") === "Passthrough";
      if (!isPassed && elements(at(listener, "tls", "certificateRefs")).length === 0) {
        yield { breach: `listener '${name}' has no certificate; name its Secret in tls.certificateRefs` };
      }
      continue;
    }
    const answer = protocol === "HTTP" ? redirects(object, listener, routes) : false;
    if (answer instanceof Unknown) yield { unknown: answer };
    else if (!answer) {
      yield {
        breach: `listener '${name}' takes ${show(protocol)} without TLS; make it HTTPS or TLS, or let its routes only redirect to https`,
      };
    }
  }
}

export const tlsAtEdge: StackRule = {
  name: "tls-at-edge",
  description:
    "Whatever takes traffic from outside of the cluster takes it by TLS: Gateways, Ingresses and Services of type LoadBalancer.",
  severity: "high",
  references: [
    { framework: "Gateway API documentation", control: "TLS Configuration" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Encryption: data in transit" },
  ],
  remediation: `Give each listener a certificate and redirect HTTP; where TLS ends elsewhere, say where in the annotation ${REASON}.`,
  scope: "stack",
  kinds: ["Gateway", "HTTPRoute", "Ingress", "Service"],
  *check(objects) {
    const routes = objects.filter(({ kind }) => kind === "HTTPRoute");
    for (const object of objects) {
      if (object.kind === "Ingress") yield* unlessReasoned(object, ingress(object));
      if (object.kind === "Service") yield* unlessReasoned(object, service(object));
      if (object.kind === "Gateway") yield* unlessReasoned(object, gateway(object, routes));
    }
  },
};
