import { Argument, Command, Option } from "commander";
import * as cluster from "../../local/cluster";
import { CommandError, exit } from "../errors";
import { wholeNumber } from "../options";
import { ownCluster, printJson, progress } from "../place";
import { bytes, table } from "../table";

interface NameOption {
  name: string;
}

const nameOption = () =>
  new Option("--name <name>", "which cluster; its ports, addresses and files derive from the name")
    .env("BALLAST_CLUSTER")
    .default(ownCluster(), "one per checkout");

export function clusterCommand(): Command {
  const command = new Command("cluster").description("a real multi-node Kubernetes on this machine");
  command
    .command("up")
    .description("brings the cluster up, or repairs what it lacks; builds its programs first if need be")
    .addOption(nameOption())
    .option("--nodes <count>", "worker nodes (default: 3)", wholeNumber)
    .action(async ({ name, nodes }: NameOption & { nodes?: number }) => {
      const running = await cluster.up(nodes === undefined ? { name } : { name, nodes }, progress());
      process.stderr.write(`Cluster ${running.name} is up.\n`);
      process.stdout.write(`export KUBECONFIG=${running.kubeconfig}\n`);
    });
  command
    .command("down")
    .description("takes the cluster away with all its data")
    .addOption(nameOption())
    .option("--purge", "remove the nodes' image stores too; they only save time at the next start")
    .action(({ name, purge }: NameOption & { purge?: boolean }) =>
      cluster.down({ name, purge: purge === true }, progress()),
    );
  command
    .command("status")
    .description("what of the cluster runs")
    .addOption(nameOption())
    .option("--json", "as one JSON document")
    .action(async ({ name, json }: NameOption & { json?: boolean }) => {
      const status = await cluster.status(name);
      if (json) printJson(status);
      else process.stdout.write(describe(status));
      if (status.state !== "up") process.exitCode = exit.failed;
    });
  command
    .command("kubeconfig")
    .description("prints the path of the cluster's kubeconfig, for KUBECONFIG")
    .addOption(nameOption())
    .action(async ({ name }: NameOption) => {
      const status = await cluster.status(name);
      if (status.kubeconfig === undefined) {
        throw new CommandError(`cluster ${name} is not there; bring it up with: ballast cluster up`);
      }
      process.stdout.write(`${status.kubeconfig}\n`);
    });
  command.addCommand(nodeCommand());
  return command;
}

const faults = {
  stop: "ends everything on the node at once, as a power loss",
  start: "starts a stopped node again",
  partition: "takes the node's network down; its pods run on",
  heal: "brings a partitioned node's network up again",
} as const;

function nodeCommand(): Command {
  const command = new Command("node").description("faults of single nodes, for trying and testing");
  for (const [verb, description] of Object.entries(faults)) {
    command
      .command(verb)
      .description(description)
      .addArgument(new Argument("<node>", "name of the node, as `ballast cluster status` lists it"))
      .addOption(nameOption())
      .action((node: string, { name }: NameOption) =>
        cluster.node[verb as keyof typeof faults](name, node, progress()),
      );
  }
  return command;
}

function describe(status: cluster.ClusterStatus): string {
  const lines = [`cluster ${status.name}: ${status.state}`];
  if (status.state === "absent") return `${lines[0]} (ballast cluster up brings it up)\n`;
  if (status.api) {
    lines.push(
      `api         ${status.api.url}  ${status.api.ready ? "ready" : `not ready: ${status.api.message ?? ""}`}`,
    );
  }
  if (status.nodePorts) lines.push(`node ports  127.0.0.1:${status.nodePorts.first}-${status.nodePorts.last}`);
  if (status.kubeconfig) lines.push(`kubeconfig  ${status.kubeconfig}`);
  const running = (programs: readonly cluster.ProgramStatus[]) =>
    programs.map((program) => `${program.name}${program.pid === undefined ? " (not running)" : ""}`).join(", ");
  const rows = [
    ["control plane", "", "", bytes(status.controlPlane.memoryBytes), running(status.controlPlane.programs)],
    ...status.nodes.map((node) => [
      node.name,
      node.message && node.state !== "ready" ? `${node.state}: ${node.message}` : node.state,
      node.zone,
      bytes(node.memoryBytes),
      running(node.programs),
    ]),
    ...status.addons.map((addon) => [addon.name, `${addon.ready} of ${addon.wanted} ready`, "", "", ""]),
  ];
  return `${lines.join("\n")}\n\n${table(["PART", "STATE", "ZONE", "MEMORY", "PROGRAMS"], rows)}`;
}
