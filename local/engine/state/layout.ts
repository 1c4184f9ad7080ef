import { join } from "node:path";

/** The paths of one stack in Pulumi's file backend. */
export interface StackPaths {
  /** `organization/<project>/<stack>`: the name inside the checkpoint. */
  readonly qualifiedName: string;
  readonly checkpoint: string;
  readonly backup: string;
  /** Ours: what happened since the checkpoint was written. Gone when no run is under way. */
  readonly journal: string;
  readonly locks: string;
  readonly history: string;
  readonly backups: string;
}

export function stackPaths(root: string, project: string, stack: string): StackPaths {
  const home = join(root, ".pulumi");
  const checkpoint = join(home, "stacks", project, `${stack}.json`);
  return {
    qualifiedName: `organization/${project}/${stack}`,
    checkpoint,
    backup: `${checkpoint}.bak`,
    journal: join(home, "stacks", project, `${stack}.journal`),
    locks: join(home, "locks", "organization", project, stack),
    history: join(home, "history", project, stack),
    backups: join(home, "backups", project, stack),
  };
}

/** Letters, digits, `-`, `_` and `.`: the CLI's own rule. */
export function checkStackName(stack: string): void {
  if (/^[A-Za-z0-9_.-]{1,100}$/.test(stack) && stack !== "." && stack !== "..") return;
  throw new Error(
    `invalid stack name ${JSON.stringify(stack)}: it may hold only letters, digits, hyphens, underscores and periods, ` +
      `and at most 100 of them`,
  );
}
