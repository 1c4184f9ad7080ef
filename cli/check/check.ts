import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import type { EventSink } from "../../local/engine/events";
import { compare, type ResourceChange } from "../../local/engine/compare";
import { type Declaration, declare } from "../../local/engine/declare";
import { Slots } from "../../local/engine/deployment/slots";
import { PolicyRecord } from "../../local/engine/policy/record";
import { startPolicyPack } from "../../local/engine/policy/runner";
import { loadProject, settingsFile, stacksWithSettings, unknownStack } from "../../local/engine/project";
import { isProviderType } from "../../local/engine/urn";
import type { Progress } from "../../local/progress";
import { rulesOf } from "../../policies/pack";
import { shownValue } from "../shown";
import { type Base, findBase, withCheckout } from "./base";
import { demandOf } from "./demand";
import type { Change, CheckReport, Comparison, Finding, StackReport } from "./report";

export interface CheckOptions {
  readonly root: string;
  /** @default every stack that has a file */
  readonly stacks?: readonly string[];
  /** A commit. @default the merge base with the branch that pull requests go to */
  readonly base?: string;
  readonly packs: readonly { readonly directory: string; readonly config: Record<string, unknown> }[];
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Programs and packs at a time: each is a process of its own that keeps a core busy, and takes some 100 MiB. */
const ATONCE = Math.min(2, availableParallelism());

/**
 * Previews stacks as they are in this checkout with neither cluster nor credentials, runs the policy packs on them, and compares them with
 * the same stacks of the base.
 * @throws when a stack or the base is not there, or a policy pack cannot be run; a failing program does not throw
 */
export async function check(options: CheckOptions): Promise<CheckReport> {
  const { root } = options;
  const known = await stacksIn(root);
  const stacks = [...new Set(options.stacks ?? known)].sort();
  for (const stack of stacks) if (!known.includes(stack)) throw unknownStack(await loadProject(root), stack, known);
  const base = await findBase(root, options.base);
  const slots = new Slots(ATONCE);
  // Every program and pack listens to it.
  setMaxListeners(0, options.signal);
  const running = new Running(options, slots);
  const heads = stacks.map((stack) => running.declared(root, stack));
  // Whatever fails, all is waited for: a process or a checkout that is left behind would be nobody's.
  const [judging, formerly] = await Promise.allSettled([
    Promise.all(heads.map(async (head) => running.judged(await head))),
    running.formerly(base, stacks),
  ]);
  if (judging.status === "rejected") throw judging.reason;
  if (formerly.status === "rejected") throw formerly.reason;
  const { former, notes, removedStacks } = formerly.value;
  const reports = await Promise.all(
    judging.value.map(async (report, index): Promise<StackReport> => {
      const head = await heads[index];
      if (head === undefined || report.result === "failed" || typeof base === "string") return report;
      return { ...report, comparison: await comparison(former.get(report.stack), head, base) };
    }),
  );
  return {
    ...(typeof base === "string" ? {} : { base: { name: base.name, commit: base.commit } }),
    notes,
    stacks: reports,
    removedStacks,
  };
}

async function stacksIn(root: string): Promise<string[]> {
  return stacksWithSettings(await loadProject(root));
}

interface Former {
  /** The base's, by stack. */
  readonly former: ReadonlyMap<string, Declaration>;
  readonly notes: readonly string[];
  readonly removedStacks: readonly string[];
}

class Running {
  constructor(
    private readonly options: CheckOptions,
    private readonly slots: Slots,
  ) {}

  /** A stack whose file cannot be used is one whose program fails: the others are checked all the same. */
  async declared(projectDir: string, stack: string, of = ""): Promise<Declaration> {
    const { signal, progress } = this.options;
    try {
      return await this.slots.run(() =>
        progress.task(`previewing ${stack}${of}`, () => declare({ projectDir, stack, signal })),
      );
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const diagnostics = [{ severity: "error" as const, message }];
      const nothing = { project: "", resources: [], outputs: {}, policies: new PolicyRecord() };
      return { stack, result: "failed", ...nothing, diagnostics };
    }
  }

  async judged(head: Declaration): Promise<StackReport> {
    const { root, packs, signal, progress } = this.options;
    const { stack, project, resources } = head;
    const own = resources.filter(({ custom, type, external }) => custom && external !== true && !isProviderType(type));
    const file = relative(root, settingsFile(await loadProject(root), stack));
    const report = { stack, file, resources: own.length, violations: [], warnings: [] };
    if (head.result !== "succeeded") return { ...report, result: "failed", errors: errorsOf(head) };
    const findings: (Finding & { readonly mandatory: boolean })[] = [];
    const errors: string[] = [];
    const events: EventSink = (event) => {
      if (event.kind === "diagnostic" && event.severity === "error") errors.push(event.message);
      if (event.kind !== "policy" || event.level === "remediate") return;
      const { policy, pack, severity, urn, message, level } = event;
      const more = { ...(severity === undefined ? {} : { severity }), ...(urn === undefined ? {} : { urn }) };
      findings.push({
        policy,
        pack,
        ...more,
        message: withoutDescription(policy, message),
        mandatory: level === "mandatory",
      });
    };
    for (const { directory, config } of packs) {
      await this.slots.run(() =>
        progress.task(`policies on ${stack}`, async () => {
          const named = { project, stack, organization: "organization", dryRun: true };
          const pack = await startPolicyPack({ directory, config, ...named, events, signal });
          try {
            await head.policies.replay(pack);
          } catch (error) {
            errors.push(error instanceof Error ? error.message : String(error));
          } finally {
            await pack.close();
          }
        }),
      );
    }
    const of = (mandatory: boolean): Finding[] =>
      findings
        .filter((each) => each.mandatory === mandatory)
        .map(({ mandatory: _, ...finding }) => finding)
        .sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const violations = of(true);
    return {
      ...report,
      result: errors.length > 0 ? "failed" : violations.length > 0 ? "violated" : "passed",
      violations,
      warnings: of(false),
      errors,
      demand: demandOf(stack, resources),
    };
  }

  /** What the base declares. Where nothing differs from it, nothing is run again. */
  async formerly(base: Base | string, stacks: readonly string[]): Promise<Former> {
    const none = { former: new Map(), removedStacks: [] };
    if (typeof base === "string") return { ...none, notes: [base] };
    if (!base.differs) return { ...none, notes: [] };
    const { root } = this.options;
    return withCheckout(root, base, async (folder, notes) => {
      const problems: string[] = [];
      const there = await stacksIn(folder).catch((error: unknown): string[] => {
        problems.push(
          `the base has no project that can be read: ${error instanceof Error ? error.message : String(error)}`,
        );
        return [];
      });
      const declared = await Promise.all(
        stacks.filter((stack) => there.includes(stack)).map((stack) => this.declared(folder, stack, " of the base")),
      );
      const here = await stacksIn(root);
      return {
        former: new Map(declared.map((declaration) => [declaration.stack, declaration])),
        notes: [...notes, ...problems],
        removedStacks: this.options.stacks === undefined ? there.filter((stack) => !here.includes(stack)) : [],
      };
    });
  }
}

const DESCRIPTIONS: ReadonlyMap<string, string> = new Map(
  rulesOf([]).map(({ name, description }) => [name, description]),
);

/** What was found, without what the rule asks for: the SDK puts that before each message. */
function withoutDescription(policy: string, message: string): string {
  const description = DESCRIPTIONS.get(policy);
  const found = description !== undefined && message.startsWith(description) ? message.slice(description.length) : "";
  return found.trim() || message.trim();
}

const order = ({ policy, urn = "", message }: Finding): string => `${policy}\0${urn}\0${message}`;

function errorsOf({ result, diagnostics, stack }: Declaration): string[] {
  const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message.trim());
  if (errors.length > 0) return errors;
  return [result === "canceled" ? "interrupted" : `the program of ${stack} failed without saying why`];
}

async function comparison(former: Declaration | undefined, head: Declaration, base: Base): Promise<Comparison> {
  if (!base.differs) return { kind: "compared", demand: demandOf(head.stack, head.resources), changes: [] };
  if (former === undefined) return { kind: "new" };
  if (former.result !== "succeeded") return { kind: "impossible", errors: errorsOf(former) };
  const changes = await compare(former, head);
  return { kind: "compared", demand: demandOf(former.stack, former.resources), changes: changes.map(shown) };
}

function shown({ properties, ...change }: ResourceChange): Change {
  return {
    ...change,
    properties: properties.map(({ path, before, after, replaces }) => ({
      path,
      ...(before === undefined ? {} : { before: shownValue(change.type, path, before) }),
      ...(after === undefined ? {} : { after: shownValue(change.type, path, after) }),
      replaces,
    })),
  };
}
