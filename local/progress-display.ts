import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { Progress, Task } from "./progress";

/** The part of a terminal or file that is written to. */
export interface ProgressStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
}

const REDRAW_MS = 100;
const REPORT_MS = 30_000;
const BAR_CELLS = 20;
const SPINNER = [..."⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"];

/** One task under way, as it is shown. */
export interface ShownTask {
  readonly title: string;
  /** Milliseconds of `performance.now()`. */
  readonly started: number;
  readonly estimateSeconds?: number;
  detail: string;
  /** 0 to 1, where the work tells it. */
  fraction?: number;
}

/**
 * Progress on `stream`: on a terminal a live line a task, else a line at its start, at its end and every 30 s in between.
 * The live lines vanish when nothing is under way; what ended stays.
 */
export function createProgress(stream: ProgressStream): Progress {
  return stream.isTTY === true && process.env.CI === undefined ? new LiveProgress(stream) : new PlainProgress(stream);
}

abstract class BaseProgress implements Progress {
  protected readonly tasks = new Set<ShownTask>();

  async task<T>(
    title: string,
    work: (task: Task) => Promise<T>,
    options: { estimateSeconds?: number } = {},
  ): Promise<T> {
    const { estimateSeconds } = options;
    const shown: ShownTask = {
      title,
      started: performance.now(),
      detail: "",
      ...(estimateSeconds === undefined ? {} : { estimateSeconds }),
    };
    this.tasks.add(shown);
    this.began(shown);
    let done = false;
    try {
      const result = await work({
        detail: (text) => (shown.detail = text.split("\n")[0] ?? ""),
        fraction: (share) => (shown.fraction = Math.min(1, Math.max(0, share))),
      });
      done = true;
      return result;
    } finally {
      this.tasks.delete(shown);
      this.ended(shown, done);
    }
  }

  abstract note(text: string): void;
  protected abstract began(task: ShownTask): void;
  protected abstract ended(task: ShownTask, done: boolean): void;
}

class PlainProgress extends BaseProgress {
  private readonly reports = new Map<ShownTask, NodeJS.Timeout>();

  constructor(private readonly stream: ProgressStream) {
    super();
  }

  note(text: string): void {
    this.stream.write(`${text}\n`);
  }

  protected began(task: ShownTask): void {
    this.note(startLine(task));
    const report = setInterval(() => this.note(reportLine(task, performance.now())), REPORT_MS);
    report.unref();
    this.reports.set(task, report);
  }

  protected ended(task: ShownTask, done: boolean): void {
    clearInterval(this.reports.get(task));
    this.reports.delete(task);
    this.note(endLine(task, done, performance.now()));
  }
}

class LiveProgress extends BaseProgress {
  private readonly live: ReturnType<typeof createLogUpdate>;
  private redraw: NodeJS.Timeout | undefined;

  constructor(private readonly stream: ProgressStream) {
    super();
    this.live = createLogUpdate(stream);
  }

  note(text: string): void {
    this.live.clear();
    this.stream.write(`${text}\n`);
    if (this.tasks.size > 0) this.draw();
  }

  protected began(): void {
    this.redraw ??= setInterval(() => this.draw(), REDRAW_MS).unref();
    this.draw();
  }

  protected ended(task: ShownTask, done: boolean): void {
    const line = endLine(task, done, performance.now());
    this.note(styleText(done ? "green" : "red", line.slice(0, 1), { stream: this.stream }) + line.slice(1));
    if (this.tasks.size > 0) return;
    clearInterval(this.redraw);
    this.redraw = undefined;
    this.live.done();
  }

  private draw(): void {
    const now = performance.now();
    const width = this.stream.columns ?? 80;
    this.live([...this.tasks].map((task) => liveLine(task, now, width)).join("\n"));
  }
}

const elapsedSeconds = (task: ShownTask, now: number): number => (now - task.started) / 1000;

/** `4 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 9.95 && !Number.isInteger(seconds) ? seconds.toFixed(1) : whole} s`;
  const minutes = Math.floor(whole / 60);
  const pad = (value: number): string => String(value).padStart(2, "0");
  return minutes < 60
    ? `${minutes} min ${pad(whole % 60)} s`
    : `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

export function startLine({ title, estimateSeconds }: ShownTask): string {
  return estimateSeconds === undefined ? `… ${title}` : `… ${title} (about ${duration(Math.round(estimateSeconds))})`;
}

export function reportLine(task: ShownTask, now: number): string {
  const parts = [task.title, task.detail].filter((part) => part !== "").join(": ");
  return `… ${parts} (${timing(task, now)})`;
}

export function endLine(task: ShownTask, done: boolean, now: number): string {
  const mark = done ? "✔" : "✖";
  return `${mark} ${task.title} (${done ? "" : "failed after "}${duration(elapsedSeconds(task, now))})`;
}

/** At most `width` - 1 characters, so that no terminal wraps it. */
export function liveLine(task: ShownTask, now: number, width: number): string {
  const spinner = SPINNER[Math.floor(now / REDRAW_MS) % SPINNER.length] ?? "";
  const share = shareDone(task, now);
  const bar = share === undefined || width < 60 ? "" : ` ${barOf(share)}`;
  const tail = `${bar} ${timing(task, now)}`;
  const head = [`${spinner} ${task.title}`, task.detail].filter((part) => part !== "").join("  ");
  const room = Math.max(0, width - 1 - tail.length);
  const shown = head.length > room ? `${head.slice(0, Math.max(0, room - 1))}…` : head.padEnd(Math.min(room, 50));
  return `${shown}${tail}`.slice(0, width - 1);
}

function timing(task: ShownTask, now: number): string {
  const elapsed = duration(elapsedSeconds(task, now));
  const percent = task.fraction === undefined ? "" : `, ${Math.floor(task.fraction * 100)} %`;
  return task.estimateSeconds === undefined
    ? `${elapsed}${percent}`
    : `${elapsed} of about ${duration(Math.round(task.estimateSeconds))}${percent}`;
}

/** Told by the work, or else judged by the estimate; an estimate that is overrun stays just short of the end. */
function shareDone(task: ShownTask, now: number): number | undefined {
  if (task.fraction !== undefined) return task.fraction;
  if (task.estimateSeconds === undefined || task.estimateSeconds <= 0) return undefined;
  return Math.min(0.97, elapsedSeconds(task, now) / task.estimateSeconds);
}

function barOf(share: number): string {
  const full = Math.round(share * BAR_CELLS);
  return `[${"=".repeat(full)}${" ".repeat(BAR_CELLS - full)}]`;
}
