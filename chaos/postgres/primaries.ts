import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Member } from "./members";
import { processesOf } from "./processes";
import type { Target } from "./writer";

/** One look at a member from inside of it; seconds since the epoch. */
export interface Sample {
  readonly member: string;
  readonly begin: number;
  readonly end: number;
  /** It was not in recovery and a local write went through. */
  readonly writable: boolean;
}

export const probeTable = "ballast_failover_probe";

/** Uid and gid of `postgres` in the image. */
const postgresUser = "999";

/** Asks every member, from inside its own namespaces and so from both sides of a cut, whether it takes writes. */
export class PrimaryWatch {
  private readonly samples: Sample[] = [];
  private readonly ends: (() => Promise<void>)[] = [];

  static async start(members: readonly Member[], target: Target): Promise<PrimaryWatch> {
    const watch = new PrimaryWatch();
    await Promise.all(members.map((member) => watch.follow(member, target)));
    return watch;
  }

  /** Ends the looks; returns all of them. */
  async stop(): Promise<readonly Sample[]> {
    await Promise.all(this.ends.map((end) => end()));
    return this.samples;
  }

  private async follow(member: Member, { user, password }: Target): Promise<void> {
    const entry = (await processesOf(member.containerId)).find(({ innerPid }) => innerPid === 1);
    if (!entry) throw new Error(`the container of ${member.pod} has no entry point`);
    const script = readFileSync(join(__dirname, "probe.py"), "utf8");
    const enter = [
      "--target",
      String(entry.pid),
      "--mount",
      "--pid",
      "--net",
      "--setuid",
      postgresUser,
      "--setgid",
      postgresUser,
    ];
    const probe = spawn("nsenter", [...enter, "/usr/bin/python3", "-I", "-c", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise<void>((resolve) => probe.once("close", () => resolve()));
    // The container may end under the probe: what it said until then stands.
    probe.stdin.on("error", () => undefined);
    probe.stdin.write(`${JSON.stringify({ user, password, table: probeTable })}\n`);
    const lines = createInterface({ input: probe.stdout });
    lines.on("line", (line) =>
      this.samples.push({ member: member.pod, ...(JSON.parse(line) as Omit<Sample, "member">) }),
    );
    this.ends.push(async () => {
      probe.stdin.end();
      await ended;
    });
    await new Promise<void>((resolve, reject) => {
      lines.once("line", () => resolve());
      probe.once("error", reject);
      probe.once("close", () => reject(new Error(`the probe in ${member.pod} ended before its first look`)));
    });
  }
}

/**
 * Seconds for which two members took writes at once: as long as one still did after another had begun to.
 * A stretch runs from the end of the first writable look to the end of the last one in a row.
 */
export function overlapSeconds(samples: readonly Sample[]): number {
  const stretches: { member: string; from: number; to: number }[] = [];
  const open = new Map<string, { member: string; from: number; to: number }>();
  for (const { member, end, writable } of [...samples].sort((a, b) => a.begin - b.begin)) {
    const current = open.get(member);
    if (!writable) open.delete(member);
    else if (current) current.to = end;
    else {
      const stretch = { member, from: end, to: end };
      open.set(member, stretch);
      stretches.push(stretch);
    }
  }
  return stretches.reduce((sum, one, index) => {
    const others = stretches.slice(index + 1).filter(({ member }) => member !== one.member);
    return (
      sum +
      others.reduce(
        (total, other) => total + Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from)),
        0,
      )
    );
  }, 0);
}
