import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Deployment } from "../deployment/deployment";
import { Recorder } from "../deployment/recorder";
import type { Run } from "../deployment/run";
import { registration, type Registered, type Registration } from "../deployment/registration";
import type { EngineEvent } from "../events";
import { openRun, type PassOptions, type PassResult, runPass } from "../pass";
import type { PolicyRunner } from "../policy/policy";
import type { ResourceState, Snapshot } from "../state/store";
import { FakeProvider } from "./fake-provider";
import { MemorySession } from "./memory-session";

export interface PassReport {
  readonly result: PassResult["result"];
  readonly events: readonly EngineEvent[];
  readonly changes: Record<string, number>;
  readonly errors: readonly string[];
  readonly outputs: PassResult["outputs"];
}

export interface PassSettings {
  readonly dryRun?: boolean;
  readonly offline?: boolean;
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly config?: Record<string, string>;
  readonly secretKeys?: readonly string[];
  readonly policies?: readonly PolicyRunner[];
}

/** A stack in memory with the fake provider, for one pass after another over it. */
export class TestStack {
  readonly fake = new FakeProvider();
  session = new MemorySession();

  constructor(
    readonly project = "proj",
    readonly stack = "test",
  ) {}

  get resources(): ResourceState[] {
    return this.session.snapshot.resources;
  }

  /** The live resource of that name, which must be there. */
  resource(name: string): ResourceState {
    const found = this.resources.find(({ urn, delete: gone }) => urn.endsWith(`::${name}`) && gone !== true);
    if (found === undefined)
      throw new Error(
        `there is no resource '${name}' in the state: ${this.resources.map(({ urn }) => urn).join(", ")}`,
      );
    return found;
  }

  urn(name: string, type = "fake:m:Res"): string {
    return `urn:pulumi:${this.stack}::${this.project}::${type}::${name}`;
  }

  /** One pass in this process: `program` registers resources directly. */
  async pass(program: (api: ProgramApi) => Promise<void>, settings: PassSettings = {}): Promise<PassReport> {
    const { events, recorder } = recording();
    const options = this.options(recorder, settings);
    const run = await openRun({ ...options, project: this.project, stack: this.stack }, this.reopen());
    const deployment = new Deployment(run, options.config, settings.policies);
    let ranWell = true;
    await program(new ProgramApi(deployment)).catch((error: unknown) => {
      ranWell = false;
      if (!recorder.hasErrors()) throw error;
    });
    if (ranWell) await deployment.finish();
    await deployment.settled();
    await run.providers.close();
    const result = run.gate.reason ?? (recorder.hasErrors() ? "failed" : "succeeded");
    return report({ result, outputs: deployment.outputs() }, events, recorder);
  }

  /** Something other than a program's pass. */
  async act(work: (run: Run) => Promise<void>, settings: PassSettings = {}): Promise<PassReport> {
    const { events, recorder } = recording();
    const run = await openRun(
      { ...this.options(recorder, settings), project: this.project, stack: this.stack },
      this.reopen(),
    );
    await work(run);
    await run.providers.close();
    return report({ result: run.gate.reason ?? "succeeded", outputs: {} }, events, recorder);
  }

  /** One pass of a TypeScript program through the SDK's own runner. */
  async program(source: string, settings: PassSettings = {}): Promise<PassReport> {
    const folder = mkdtempSync(path.join(tmpdir(), "engine-program-"));
    try {
      writeFileSync(path.join(folder, "index.ts"), source);
      writeFileSync(path.join(folder, "package.json"), "{}");
      symlinkSync(path.resolve(__dirname, "../../../node_modules"), path.join(folder, "node_modules"));
      const { events, recorder } = recording();
      this.reopen();
      const program = {
        projectFolder: folder,
        folder,
        entry: ".",
        typescript: true,
        nodeArguments: [],
        project: this.project,
        stack: this.stack,
        organization: "organization",
        environment: {},
      };
      const done = await runPass({
        ...this.options(recorder, settings),
        program,
        session: Promise.resolve(this.session),
      });
      return report(done, events, recorder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** As if the engine had ended and started again. */
  reopen(snapshot: Snapshot = this.session.snapshot): MemorySession {
    this.session = new MemorySession(snapshot);
    this.fake.calls.length = 0;
    return this.session;
  }

  private options(
    recorder: Recorder,
    settings: PassSettings,
  ): Omit<PassOptions, "program" | "session" | "policies"> & { policies?: Promise<readonly PolicyRunner[]> } {
    return {
      config: { values: settings.config ?? {}, secretKeys: settings.secretKeys ?? [] },
      dryRun: settings.dryRun ?? false,
      parallel: settings.parallel ?? 8,
      offline: settings.offline ?? false,
      providers: { load: async (name) => (name === "fake" ? this.fake.factory : undefined), names: ["fake"] },
      recorder,
      signal: settings.signal,
      seed: randomBytes(32),
      ...(settings.policies === undefined ? {} : { policies: Promise.resolve(settings.policies) }),
    };
  }
}

/** Registrations in short form; the type is the fake provider's unless another is given. */
export class ProgramApi {
  constructor(readonly deployment: Deployment) {}

  resource(
    name: string,
    inputs: Registration["inputs"] = {},
    options: Partial<Registration> = {},
  ): Promise<Registered> {
    return this.deployment.register(registration({ type: "fake:m:Res", custom: true, name, inputs, ...options }));
  }

  component(name: string, options: Partial<Registration> = {}): Promise<Registered> {
    return this.deployment.register(registration({ type: "comp:m:Comp", custom: false, name, ...options }));
  }
}

function recording(): { events: EngineEvent[]; recorder: Recorder } {
  const events: EngineEvent[] = [];
  return { events, recorder: new Recorder((event) => void events.push(event)) };
}

function report(done: PassResult, events: EngineEvent[], recorder: Recorder): PassReport {
  const errors = recorder.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
  return { ...done, events, changes: recorder.changes, errors };
}
