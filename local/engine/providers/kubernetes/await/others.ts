import { condition, conditionIs, mapAt, mapsAt, nameOf, text } from "../object";
import { warningsOf } from "./pods";
import { ready, waiting, type Judge } from "./verdict";

/** Endpoints for what has a selector; an address for load balancers. Headless and external-name Services are ready at once. */
export const service: Judge = ({ object, related, events }) => {
  const type = text(object, "spec", "type");
  if (type === "ExternalName") return ready();
  const warnings = warningsOf(object, events);
  if (type === "LoadBalancer" && mapsAt(object, "status", "loadBalancer", "ingress").length === 0) {
    return waiting("waiting for the load balancer's address", warnings);
  }
  const headless = text(object, "spec", "clusterIP") === "None";
  if (headless || Object.keys(mapAt(object, "spec", "selector")).length === 0) return ready();
  const endpoints = related
    .filter((slice) => text(slice, "metadata", "labels", "kubernetes.io/service-name") === nameOf(object))
    .flatMap((slice) => mapsAt(slice, "endpoints"));
  const serving = endpoints.filter((endpoint) => mapAt(endpoint, "conditions")["ready"] !== false).length;
  if (serving > 0) return ready(`${serving} endpoints`);
  return waiting(
    endpoints.length === 0 ? "no pod matches the selector yet" : `none of ${endpoints.length} pods behind it is ready`,
    warnings,
  );
};

/** @param waitsForConsumer - whether the volume is only made when a pod uses the claim: then there is nothing to wait for. */
export const claim =
  (waitsForConsumer: boolean): Judge =>
  ({ object, events }) => {
    const phase = text(object, "status", "phase");
    if (phase === "Bound") return ready("bound");
    if (waitsForConsumer && text(object, "spec", "volumeName") === "")
      return ready("the volume is made for the first pod that uses it");
    return waiting(`the claim is ${phase || "Pending"}`, warningsOf(object, events));
  };

export const definition: Judge = ({ object }) => {
  const names = condition(object, "NamesAccepted");
  if (conditionIs(object, "Established", "True") && text(names, "status") !== "False") return ready("established");
  const problems = text(names, "status") === "False" ? [`${text(names, "reason")}: ${text(names, "message")}`] : [];
  return waiting("waiting for the definition to be established", problems);
};

export const namespace: Judge = ({ object }) =>
  text(object, "status", "phase") === "Terminating" ? waiting("the namespace is being deleted") : ready();

export const apiService: Judge = ({ object }) => {
  const available = condition(object, "Available");
  if (text(available, "status") === "True") return ready();
  return waiting(
    "waiting for the API to be available",
    available === undefined ? [] : [`${text(available, "reason")}: ${text(available, "message")}`],
  );
};
