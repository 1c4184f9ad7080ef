import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";
import { alive, kill, readIdentity, type Identity } from "./identity";

/** What the keeper (toolchain/keeper) runs as one machine; its Go type is the other half of this contract. */
export interface MachineSpec {
  readonly directory: string;
  /** Digest of the configuration files that its programs read at their start. */
  readonly configuration: string;
  readonly network: boolean;
  readonly binds: readonly { readonly source: string; readonly target: string }[];
  readonly scratch: readonly string[];
  readonly cgroups: readonly string[];
  readonly programs: readonly Program[];
}

export interface Program {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: readonly string[];
  /** A file that must be there before it starts. */
  readonly waitFor?: string;
}

/** A program as the keeper sees it. */
export interface ProgramState {
  readonly name: string;
  /** On the host; undefined while it is down. */
  readonly pid?: number;
  readonly starts: number;
  readonly lastExit?: string;
}

const files = (directory: string) => ({
  identity: join(directory, "pid.json"),
  spec: join(directory, "machine.json"),
  state: join(directory, "state.json"),
});

/** The running keeper of the machine in `directory`; undefined when it is down. */
export async function machine(directory: string): Promise<Identity | undefined> {
  const identity = await readIdentity(files(directory).identity);
  return (await alive(identity)) ? identity : undefined;
}

/** Whether the machine runs what `spec` says, started with that binary of the keeper. */
export async function runs(keeper: string, spec: MachineSpec): Promise<boolean> {
  if (!(await machine(spec.directory))) return false;
  const text = await readFile(files(spec.directory).spec, "utf8").catch(() => "");
  return text === serialize(keeper, spec);
}

function serialize(keeper: string, spec: MachineSpec): string {
  return `${JSON.stringify({ keeper, ...spec }, null, 2)}\n`;
}

/** Starts the machine; one that runs under another specification is put down first. */
export async function startMachine(keeper: string, spec: MachineSpec): Promise<Identity> {
  await stopMachine(spec.directory);
  await mkdir(spec.directory, { recursive: true, mode: 0o700 });
  const { spec: path, state } = files(spec.directory);
  await rm(state, { force: true });
  await writeFile(`${path}.new`, serialize(keeper, spec), { mode: 0o600 });
  await rename(`${path}.new`, path);
  const { stdout } = await run(keeper, ["start", path]);
  return JSON.parse(stdout) as Identity;
}

/** A power loss: every process of the machine is gone when this returns. */
export async function stopMachine(directory: string): Promise<void> {
  await kill(await readIdentity(files(directory).identity));
  await rm(files(directory).identity, { force: true });
}

/** The machine's programs, with the pids that they have on the host. */
export async function programs(directory: string): Promise<ProgramState[]> {
  const keeper = await machine(directory);
  const text = await readFile(files(directory).state, "utf8").catch(() => "[]");
  const states = JSON.parse(text) as ProgramState[];
  const pids = keeper ? await hostPids(keeper.pid) : new Map<number, number>();
  return states.map(({ pid, ...state }) => {
    const onHost = pid === undefined ? undefined : pids.get(pid);
    return onHost === undefined ? state : { ...state, pid: onHost };
  });
}

/** Pids of a keeper's children, by the pid that each has inside. */
async function hostPids(keeper: number): Promise<Map<number, number>> {
  const children = new Map<number, number>();
  const { stdout } = await run("ps", ["--ppid", String(keeper), "-o", "pid="], { accept: [0, 1] });
  for (const pid of stdout.split(/\s+/).filter(Boolean)) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const inside = /^NSpid:.*\s(\d+)$/m.exec(status)?.[1];
    if (inside) children.set(Number(inside), Number(pid));
  }
  return children;
}
