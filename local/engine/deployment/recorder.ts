import type { EngineEvent, EventSink, Severity, StepInfo } from "../events";
import type { ResourceChanges } from "../state/store";

export interface Diagnostic {
  readonly severity: Severity;
  readonly urn?: string;
  readonly message: string;
}

/** `Omit` over each member of a union. */
type WithoutTime<T> = T extends { at: number } ? Omit<T, "at"> : T;

/** Steps that leave everything as it is. */
const idle = new Set<StepInfo["op"]>(["same", "read"]);

/** Steps that carry out a part of another one, and are not counted beside it. */
const physical = new Set<StepInfo["op"]>(["create-replacement", "delete-replaced"]);

export interface RecorderOptions {
  /** Whether events are held back until they are released. @default false */
  readonly held?: boolean;
  /** Called for each step that does something, or would. @default nothing */
  readonly onChange?: () => void;
}

/** Where a run tells what happens: stamps events, counts steps, keeps diagnostics. */
export class Recorder {
  readonly changes: ResourceChanges = {};
  readonly diagnostics: Diagnostic[] = [];
  /** What has been done, or would be, apart from leaving things as they are. */
  readonly steps: StepInfo[] = [];
  /** How many resources stay as they are but are recorded otherwise: other dependencies, options, outputs of a component. */
  rewritten = 0;
  private began = performance.now();
  private held: WithoutTime<EngineEvent>[] | undefined;

  constructor(
    private readonly sink: EventSink = () => undefined,
    private readonly options: RecorderOptions = {},
  ) {
    if (options.held === true) this.held = [];
  }

  elapsed(): number {
    return Math.round(performance.now() - this.began);
  }

  /** Tells what was held back; the run's time begins here. */
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    this.began = performance.now();
    for (const event of held) this.emit(event);
  }

  emit(event: WithoutTime<EngineEvent>): void {
    if (this.held !== undefined) return void this.held.push(event);
    this.sink({ ...event, at: this.elapsed() } as EngineEvent);
  }

  /** `counted` is what the summary calls the step, where that is not its own name. */
  ended(step: StepInfo, counted: string = step.op): void {
    if (!idle.has(step.op)) {
      this.steps.push(step);
      this.options.onChange?.();
    }
    if (!physical.has(step.op)) this.changes[counted] = (this.changes[counted] ?? 0) + 1;
    this.emit({ kind: "step-end", step });
  }

  /** Takes over an event of something that runs beside the deployment. */
  forward(event: EngineEvent): void {
    if (event.kind === "diagnostic") this.diagnostic(event.severity, event.message, event.urn);
    else this.emit(event);
  }

  diagnostic(severity: Severity, message: string, urn?: string): void {
    const diagnostic = { severity, message, ...(urn === undefined ? {} : { urn }) };
    if (severity !== "debug") this.diagnostics.push(diagnostic);
    this.emit({ kind: "diagnostic", ...diagnostic });
  }

  hasErrors(): boolean {
    return this.diagnostics.some(({ severity }) => severity === "error");
  }
}
