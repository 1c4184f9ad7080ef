import { Command } from "commander";
import { listImages } from "../../local/images";
import { inspect } from "../../local/engine/providers/kubernetes/await/inspect";
import { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { resolveConnection } from "../../local/engine/providers/kubernetes/connection/kubeconfig";
import { mapsAt, text } from "../../local/engine/providers/kubernetes/object";
import type { ResourceState } from "../../local/engine/state";
import { findPlace, openBackend } from "../backend";
import { CommandError, exit } from "../errors";
import { findGround } from "../ground";
import { clusterOptions, stackArgument, type ClusterChoice } from "../options";
import { printJson } from "../place";
import { table } from "../table";

interface ComponentStatus {
  /** Logical name of the component that declares it. */
  readonly component: string;
  readonly kind: string;
  /** `namespace/name` in the cluster. */
  readonly id: string;
  readonly ready: boolean;
  readonly status: string;
  /** Why it is not ready, one line each. */
  readonly problems: readonly string[];
  /** What its containers run, and where that image came from. */
  readonly images: readonly { readonly reference: string; readonly source: string }[];
}

/** The kinds that run something. */
const plurals: Readonly<Record<string, string>> = {
  Deployment: "deployments",
  StatefulSet: "statefulsets",
  DaemonSet: "daemonsets",
};

export function statusCommand(): Command {
  const command = new Command("status")
    .description("each component of a stack: what it runs, ready or why not")
    .addArgument(stackArgument())
    .option("--json", "as one JSON document");
  for (const option of clusterOptions()) command.addOption(option);
  return command.action(async (stack: string, flags: ClusterChoice & { json?: boolean }) => {
    const components = await statusOf(stack, flags);
    if (flags.json) printJson(components);
    else process.stdout.write(describe(components));
    if (components.some((component) => !component.ready)) process.exitCode = exit.failed;
  });
}

async function statusOf(stack: string, choice: ClusterChoice): Promise<ComponentStatus[]> {
  const backend = await openBackend(stack);
  const { resources } = await backend.read(stack, { blind: true });
  if (resources.length === 0) throw new CommandError(`nothing of the stack ${stack} is up; try: ballast up ${stack}`);
  const ground = await findGround(await findPlace(stack), choice);
  if (!ground.reachable)
    throw new CommandError(`the cluster of ${stack} is not up; bring it up with: ballast up ${stack}`);
  const sources = new Map((await listImages()).map((image) => [image.reference, image.source]));
  const client = new ApiClient(resolveConnection({}), new AbortController().signal, () => undefined);
  const workloads = resources.filter((resource) => (plurals[kindOf(resource)] ?? "") !== "" && resource.id);
  return Promise.all(
    workloads.map(async (resource): Promise<ComponentStatus> => {
      const kind = kindOf(resource);
      const id = resource.id ?? "";
      const [namespace = "", name = ""] = id.split("/");
      const served = { apiVersion: "apps/v1", kind, plural: plurals[kind] ?? "", namespaced: true };
      const seen = await inspect(client, { served, namespace, name });
      const base = { component: nameOf(resource.parent ?? resource.urn), kind, id };
      if (seen === undefined) {
        const status = "it is gone from the cluster; `ballast refresh` and `ballast up` bring it back";
        return { ...base, ready: false, status, problems: [], images: [] };
      }
      const images = mapsAt(seen.object, "spec", "template", "spec", "containers").map((container) => {
        const reference = text(container, "image");
        return { reference, source: sources.get(reference) ?? "pulled by the nodes" };
      });
      const { ready = true, status = "", problems = [] } = seen.verdict ?? {};
      return { ...base, ready, status, problems, images };
    }),
  );
}

const kindOf = (resource: ResourceState): string => resource.type.split(":").at(-1) ?? "";
const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;

function describe(components: readonly ComponentStatus[]): string {
  const rows = components.flatMap(({ component, kind, id, ready, status, problems, images }) => [
    [component, `${kind} ${id}`, ready ? "ready" : "not ready", status],
    ...problems.map((problem) => ["", "", "", `- ${problem}`]),
    ...images.map(({ reference, source }) => ["", "", "", `${reference} (${source})`]),
  ]);
  return table(["COMPONENT", "WORKLOAD", "STATE", ""], rows);
}
