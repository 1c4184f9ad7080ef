/** Kinds that the stack declares and that no controller of an idle cluster writes by itself. */
const DECLARED = new Set([
  "configmaps",
  "limitranges",
  "namespaces",
  "networkpolicies",
  "poddisruptionbudgets",
  "resourcequotas",
  "rolebindings",
  "roles",
  "secrets",
  "serviceaccounts",
  "services",
  "statefulsets",
]);
const WRITES = new Set(["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"]);
const SAMPLE = /^apiserver_request_total\{(?<labels>.*)\} (?<count>\S+)$/;

/** The calls that wrote a declared kind, of an API server's `/metrics`. Dry runs and subresources, which controllers write, are left out. */
export function writeCalls(metrics: string): number {
  let calls = 0;
  for (const line of metrics.split("\n")) {
    const sample = SAMPLE.exec(line)?.groups;
    if (sample === undefined) continue;
    const labels = new Map(
      [...(sample["labels"] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
    );
    const real = labels.get("dry_run") === "" && labels.get("subresource") === "";
    if (real && WRITES.has(labels.get("verb") ?? "") && DECLARED.has(labels.get("resource") ?? ""))
      calls += Number(sample["count"]);
  }
  return calls;
}
