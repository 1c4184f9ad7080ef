import { aliasUrns } from "../aliases";
import { equal } from "../equality";
import { withIgnored } from "../paths";
import type { PolicyRunner } from "../policy/policy";
import type { Provider } from "../provider";
import { reveal, withSecretsOf } from "../secrecy";
import type { ResourceState } from "../state/store";
import { formatUrn, isProviderType, packageOf, qualify, stackType } from "../urn";
import type { PropertyMap } from "../values";
import { decide, movesToOtherProvider } from "./decide";
import { deleteRest } from "./deletions";
import { Guard } from "./guard";
import { takeOver } from "./importing";
import {
  inputsToRecord,
  ProviderChoice,
  type ProviderReferences,
  providersOfChildren,
  referenceTo,
  type StackConfig,
} from "./provider-choice";
import { type Registered, type ReadRegistration, type Registration, registration as complete } from "./registration";
import { Replacements } from "./replacements";
import { asFailure, type Run, seedFor } from "./run";
import { goalState } from "./states";
import { create, read, replaced, same, type Target, update } from "./steps";
import { StepFailure } from "../failure";
import { Stopped } from "./stop";

/** A resource as this deployment has left it. */
interface Current {
  state: ResourceState;
  readonly registration: Registration;
  readonly aliases: readonly string[];
  /** For its children. */
  readonly providers: ProviderReferences;
}

/** One pass of a program over a stack: registrations come in as the program runs, and what none has asked for goes at the end. */
export class Deployment {
  private readonly current = new Map<string, Current>();
  private readonly claimed = new Set<string>();
  private readonly renamed = new Map<string, string>();
  private readonly providers: ProviderChoice;
  private readonly replacements: Replacements;
  private readonly guard: Guard;
  private inFlight = 0;
  private idle: (() => void)[] = [];

  constructor(
    private readonly run: Run,
    config: StackConfig,
    policies: readonly PolicyRunner[] = [],
  ) {
    this.replacements = new Replacements(run);
    this.guard = new Guard(run, policies);
    const register = (registration: Registration): Promise<Registered> => this.registerResource(registration);
    this.providers = new ProviderChoice(run, config, register, (urn) => this.current.get(urn)?.state);
  }

  /** @throws {Stopped | StepFailure} once it has been reported. */
  register(registration: Registration): Promise<Registered> {
    return this.reporting(() => this.registerResource(registration));
  }

  readResource(request: ReadRegistration): Promise<Registered> {
    return this.reporting(() => this.readExisting(request));
  }

  registerOutputs(urn: string, outputs: PropertyMap): Promise<void> {
    return this.reporting(async () => {
      const current = this.current.get(urn);
      if (current === undefined) throw new StepFailure("outputs were registered for a resource that was not", urn);
      const old = current.state;
      if (!equal(old.outputs, outputs, true)) {
        this.run.recorder.rewritten++;
        current.state = { ...old, outputs };
        await this.run.journal.put(current.state, old);
      }
      if (old.type === stackType) this.run.recorder.emit({ kind: "outputs", outputs });
    });
  }

  invoke(token: string, args: PropertyMap, provider: string | undefined, version?: string): Promise<PropertyMap> {
    return this.counted(async () => {
      const reference = provider ?? (await this.providers.defaultFor(packageOf(token), version));
      try {
        return await (await this.run.providers.get(reference, token)).invoke(token, args);
      } catch (error) {
        throw asFailure(error, { urn: "" });
      }
    });
  }

  /** The stack's outputs as the program has registered them. */
  outputs(): PropertyMap {
    for (const { state } of this.current.values()) if (state.type === stackType) return state.outputs;
    return {};
  }

  /** Resolves when no registration is under way. */
  async settled(): Promise<void> {
    while (this.inFlight > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  /** After a program that has run to its end: checks the stack as a whole, then deletes what is no longer wanted. */
  async finish(): Promise<void> {
    await this.settled();
    if (this.run.gate.reason !== undefined) return;
    await this.reporting(async () => {
      await this.guard.wholeStack([...this.current.values()].map(({ state }) => state));
      await deleteRest(this.run, this.replacements.superseded, (urn) => this.replacements.isReplaced(urn));
    }).catch((error: unknown) => {
      if (!(error instanceof StepFailure) && !(error instanceof Stopped)) throw error;
    });
  }

  /** Reports a failure of `work` to the user, and stops the deployment. */
  reporting<T>(work: () => Promise<T>): Promise<T> {
    return this.counted(() => this.guarded(work));
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Stopped) && !(error instanceof Error && this.run.reported.has(error))) {
        if (error instanceof Error) this.run.reported.add(error);
        const [message, urn] = error instanceof StepFailure ? [error.message, error.urn] : [describe(error), undefined];
        if (this.run.gate.reason !== "failed" || error instanceof StepFailure)
          this.run.recorder.diagnostic("error", message, urn);
        this.run.gate.stop("failed");
      }
      throw error;
    }
  }

  private async counted<T>(work: () => Promise<T>): Promise<T> {
    this.run.gate.check();
    this.inFlight++;
    try {
      return await work();
    } finally {
      this.inFlight--;
      if (this.inFlight === 0) {
        const waiting = this.idle;
        this.idle = [];
        for (const resume of waiting) resume();
      }
    }
  }

  private claim(type: string, name: string, parent: string | undefined): string {
    const { stack, project } = this.run;
    const urn = formatUrn({ stack, project, qualifiedType: qualify(parent, type), name });
    if (this.claimed.has(urn)) {
      throw new StepFailure(`two resources have the URN '${urn}'; give one of them another name`, urn);
    }
    this.claimed.add(urn);
    return urn;
  }

  private async registerResource(asked: Registration): Promise<Registered> {
    const parent = asked.parent === undefined ? undefined : this.current.get(asked.parent);
    const registration = inherit(asked, parent?.registration);
    const urn = this.claim(registration.type, registration.name, registration.parent);
    const aliases = aliasUrns(
      { urn, parent: registration.parent, aliases: registration.aliases },
      parent?.aliases ?? [],
    );
    const found = await this.replacements.claim([urn, ...aliases]);
    if (found !== undefined && found.urn !== urn) this.renamed.set(found.urn, urn);
    const old = found?.external === true ? undefined : found;

    const reference = await this.providers.referenceFor(registration, parent?.providers ?? {});
    const provider = await this.providers.instance(registration, urn, reference);
    const target: Target = { ...(provider === undefined ? {} : { provider }) };
    const wanted = withIgnored(
      inputsToRecord(registration),
      old?.inputs ?? {},
      old === undefined ? [] : registration.ignoreChanges,
    );
    const goalOf = async (olds: PropertyMap | undefined): Promise<ResourceState> => {
      const inputs = await this.checked(registration, urn, wanted, olds, provider);
      const goal = goalState(registration, urn, inputs, { provider: reference, aliases });
      return { ...goal, inputs: await this.guard.inputs(goal, (link) => this.current.get(link)?.state) };
    };
    const state = await this.carryOut(registration, goalOf, target, old, found);
    if (found !== undefined && found.urn !== urn) await this.renameInState(found.urn, urn);

    const providers = providersOfChildren(registration, parent?.providers ?? {});
    this.current.set(urn, { state, registration, aliases, providers });
    if (isProviderType(state.type)) this.run.providers.define(referenceTo(state), packageOf(state.type), state.inputs);
    return {
      urn,
      ...(state.id === undefined ? {} : { id: state.id }),
      outputs: state.custom ? state.outputs : state.inputs,
    };
  }

  /** Whatever this run has not come to yet names the resource by its new URN from now on, should the run end early. */
  private async renameInState(from: string, to: string): Promise<void> {
    const changes = this.run.olds.renamed(from, to);
    await Promise.all(changes.map(({ old, resource }) => this.run.journal.amend(old, resource)));
  }

  private async carryOut(
    registration: Registration,
    goalOf: (olds: PropertyMap | undefined) => Promise<ResourceState>,
    target: Target,
    old: ResourceState | undefined,
    found: ResourceState | undefined,
  ): Promise<ResourceState> {
    const { importId, timeouts } = registration;
    const creating: Target = {
      ...target,
      ...(timeouts?.create === undefined ? {} : { timeoutSeconds: timeouts.create }),
    };
    if (importId !== undefined && importId !== old?.id && importId !== old?.importID) {
      return takeOver(this.run, registration, await goalOf(undefined), importId, target, async () => {
        if (found !== undefined) await this.replacements.supersede(found);
      });
    }
    if (old === undefined) return create(this.run, "create", await goalOf(undefined), creating, found);
    if (old.pendingReplacement === true) {
      const goal = await goalOf(undefined);
      await replaced(this.run, old, goal, creating);
      const made = await create(this.run, "create-replacement", goal, creating, old);
      this.replacements.done(old);
      return made;
    }
    const goal = await goalOf(old.inputs);
    const moved = await movesToOtherProvider(this.run, old, goal, (former) => this.renamed.get(former) ?? former);
    const forced = [
      ...(moved ? ["provider"] : []),
      ...(this.replacements.anyReplaced(registration.replaceWith) ? ["replaceWith"] : []),
    ];
    const decision = await decide(this.run, registration, old, goal, target.provider, forced);
    switch (decision.kind) {
      case "same":
        return same(this.run, old, goal);
      case "update": {
        const timeout = timeouts?.update === undefined ? {} : { timeoutSeconds: timeouts.update };
        return update(this.run, old, goal, { ...target, ...timeout, detailed: decision.detailed });
      }
      case "replace":
        return this.replacements.replace(old, await goalOf(undefined), decision, creating);
    }
  }

  private async checked(
    registration: Registration,
    urn: string,
    inputs: PropertyMap,
    oldInputs: PropertyMap | undefined,
    provider: Provider | undefined,
  ): Promise<PropertyMap> {
    if (provider === undefined) return inputs;
    const { type, name } = registration;
    try {
      const { inputs: normal, failures } = await provider.check({
        urn,
        type,
        name,
        inputs: reveal(inputs),
        ...(oldInputs === undefined ? {} : { oldInputs: reveal(oldInputs) }),
        randomSeed: seedFor(this.run, urn),
      });
      if (failures.length > 0) {
        const reasons = failures.map(({ property, reason }) => (property === "" ? reason : `${property}: ${reason}`));
        throw new StepFailure(`${type} '${name}' is not valid: ${reasons.join("; ")}`, urn);
      }
      return withSecretsOf(normal, inputs);
    } catch (error) {
      throw asFailure(error, { urn });
    }
  }

  private async readExisting(request: ReadRegistration): Promise<Registered> {
    const registration = complete({ ...request, custom: true });
    const parent = request.parent === undefined ? undefined : this.current.get(request.parent);
    const urn = this.claim(request.type, request.name, request.parent);
    const old = await this.replacements.claim([urn]);
    const reference = await this.providers.referenceFor(registration, parent?.providers ?? {});
    const provider = await this.providers.instance(registration, urn, reference);
    const goal = goalState(registration, urn, request.inputs, { provider: reference, aliases: [] });
    const wanted = { ...goal, external: true, ...(request.id === undefined ? {} : { id: request.id }) };
    const state = await read(this.run, wanted, { ...(provider === undefined ? {} : { provider }) }, old);
    this.current.set(urn, { state, registration, aliases: [], providers: {} });
    return { urn, ...(state.id === undefined ? {} : { id: state.id }), outputs: state.outputs };
  }
}

function describe(error: unknown): string {
  return `the engine failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** Options that a resource has from its parent unless it says otherwise. */
function inherit(registration: Registration, parent: Registration | undefined): Registration {
  if (parent === undefined || parent.type === stackType) return registration;
  return {
    ...registration,
    protect: registration.protect ?? parent.protect,
    retainOnDelete: registration.retainOnDelete ?? parent.retainOnDelete,
    deletedWith: registration.deletedWith ?? parent.deletedWith,
  };
}
