import type { ResourceState } from "../state/store";
import type { Decision } from "./decide";
import { doomedWith } from "./dependents";
import type { Run } from "./run";
import { create, remove, replaced, type Target } from "./steps";
import { StepFailure } from "../failure";

/** Everything about replacing: who goes first, who waits, and what is left to delete. */
export class Replacements {
  /** Old resources whose replacement exists, to be deleted when the program has ended. */
  readonly superseded: ResourceState[] = [];
  private readonly replacedUrns = new Set<string>();
  /** By URN of an old resource: what its registration must wait for. */
  private readonly barriers = new Map<string, Promise<unknown>>();

  constructor(private readonly run: Run) {}

  isReplaced(urn: string): boolean {
    return this.replacedUrns.has(urn);
  }

  anyReplaced(urns: readonly string[]): boolean {
    return urns.some((urn) => this.replacedUrns.has(urn));
  }

  /** The old resource under the first of `urns`, after any deletion of it that has begun. */
  async claim(urns: readonly string[]): Promise<ResourceState | undefined> {
    const old = this.run.olds.claim(urns);
    if (old === undefined) return undefined;
    await this.barriers.get(old.urn);
    return this.run.olds.get(old.urn);
  }

  async replace(
    old: ResourceState,
    goal: ResourceState,
    decision: Decision & { kind: "replace" },
    target: Target,
  ): Promise<ResourceState> {
    mayReplace(old);
    const step: Target = { ...target, detailed: decision.detailed, replaceReasons: decision.reasons };
    if (!decision.deleteFirst) {
      await replaced(this.run, old, goal, step);
      const made = await this.createBeside(old, goal, step);
      this.done(old);
      return made;
    }
    await this.deleteDependents(old);
    const kept = await this.deleteFirst(old);
    await replaced(this.run, old, goal, step);
    const made = await create(this.run, "create-replacement", goal, step, kept);
    this.done(old);
    return made;
  }

  done(old: ResourceState): void {
    this.replacedUrns.add(old.urn);
  }

  /** Sets `old` aside for deletion at the end, so that another can take its URN. */
  async supersede(old: ResourceState): Promise<void> {
    mayReplace(old);
    const aside = { ...old, delete: true };
    await this.run.journal.amend(old, aside);
    this.superseded.push(aside);
    this.done(old);
  }

  /** The replacement stands before the old one is marked, so that a run that dies in between has lost neither. */
  private async createBeside(old: ResourceState, goal: ResourceState, target: Target): Promise<ResourceState> {
    const aside = { ...old, delete: true };
    const made = await create(this.run, "create-replacement", goal, target, undefined, () =>
      this.run.journal.amend(old, aside),
    );
    this.superseded.push(aside);
    return made;
  }

  /** Registrations of dependents wait meanwhile: they must find what is left of the old resource. */
  private async deleteDependents(root: ResourceState): Promise<void> {
    const dependents = this.run.olds.dependents(root).filter(({ urn }) => !this.run.olds.isClaimed(urn));
    let open: () => void = () => undefined;
    const barrier = new Promise<void>((resolve) => (open = resolve));
    for (const { urn } of dependents) this.barriers.set(urn, barrier);
    try {
      const doomed = await doomedWith(this.run, root, dependents);
      for (const dependent of doomed.reverse()) await this.deleteFirst(dependent);
    } finally {
      open();
    }
  }

  private async deleteFirst(old: ResourceState): Promise<ResourceState> {
    mayReplace(old);
    const kept = { ...old, pendingReplacement: true };
    const provider = old.provider === undefined ? undefined : await this.run.providers.get(old.provider, old.urn);
    const physical = old.retainOnDelete !== true;
    const seconds = old.customTimeouts?.delete;
    const target: Target = {
      ...(provider === undefined ? {} : { provider }),
      ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
    };
    await remove(this.run, old, { op: "delete-replaced", physical, kept }, target);
    this.run.olds.substitute(kept);
    return kept;
  }
}

function mayReplace(old: ResourceState): void {
  if (old.protect !== true) return;
  throw new StepFailure(
    "it must be replaced, but it is protected; remove 'protect' from it in the program, run up, then make this change",
    old.urn,
  );
}
