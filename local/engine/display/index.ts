import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { EngineEvent, EventSink, StepInfo } from "../events";
import { stepLines } from "./diff";
import { jsonDocument } from "./document";
import { Model } from "./model";
import { cut, isIdle, seconds, wordingOf } from "./operations";
import {
  diagnosticLines,
  diagnosticsSection,
  outputsSection,
  policiesSection,
  policyLines,
  summarySection,
  title,
} from "./sections";
import { active, notable, type Paint, treeLines } from "./tree";

export interface DisplayStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface DisplayOptions {
  /** `tree` is live on a terminal; `plain` has a line for each thing that happens; `json` is one document at the end. */
  readonly mode: "tree" | "plain" | "json" | "diff";
  readonly stream: DisplayStream;
  readonly color: boolean;
  /** @default false */
  readonly showSecrets?: boolean;
}

/** A sink of events; `close` writes what only the end tells, also when the run broke off. */
export type Display = EventSink & { close(): void };

const REDRAW_MS = 120;
const FALLBACK_WIDTH = 80;
const FALLBACK_HEIGHT = 24;
/** Lines of the live view beside the tree. */
const CHROME = 4;
/** In plain output a resource says how it is doing at most this often. */
const STATUS_MS = 10_000;

export function createDisplay(options: DisplayOptions): Display {
  const paint: Paint = (style, text) =>
    options.color && text !== "" ? styleText(style, text, { validateStream: false }) : text;
  const base = { ...options, showSecrets: options.showSecrets === true, paint };
  switch (options.mode) {
    case "tree":
      return options.stream.isTTY === true ? liveDisplay(base) : plainDisplay(base);
    case "plain":
      return plainDisplay(base);
    case "diff":
      return diffDisplay(base);
    case "json":
      return jsonDisplay(base);
  }
}

interface Base {
  readonly stream: DisplayStream;
  readonly showSecrets: boolean;
  readonly paint: Paint;
}

/** How a display shows the passes of a run: `up` has a preview and then the update itself, each from its prelude to its summary. */
interface PassView {
  begin(model: Model): void;
  show(event: EngineEvent, model: Model): void;
  end(model: Model): void;
}

/** A refresh that found nothing is told as what it will do to the state. */
function normalised(event: EngineEvent): EngineEvent {
  if (event.kind !== "step-end" || event.failed !== undefined) return event;
  const gone = event.step.op === "refresh" && event.step.new === undefined;
  return gone ? { ...event, step: { ...event.step, op: "delete" } } : event;
}

function display(view: PassView): Display {
  let model = new Model();
  let open = false;
  let closed = false;
  const end = (): void => {
    if (!open) return;
    open = false;
    view.end(model);
  };
  const sink = (given: EngineEvent): void => {
    if (closed) return;
    const event = normalised(given);
    if (event.kind === "prelude") end();
    if (!open) {
      model = new Model();
      open = true;
    }
    model.add(event);
    if (event.kind === "prelude") view.begin(model);
    view.show(event, model);
    if (event.kind === "summary") end();
  };
  return Object.assign(sink, {
    close: () => {
      if (closed) return;
      closed = true;
      end();
    },
  });
}

const write = (stream: DisplayStream, lines: readonly string[]): void => {
  if (lines.length > 0) stream.write(`${lines.join("\n")}\n`);
};

/** A copy of `sections` as one list, an empty line between. */
const joined = (...sections: string[][]): string[] =>
  sections.filter((lines) => lines.length > 0).flatMap((lines) => (lines.at(-1) === "" ? lines : [...lines, ""]));

function liveDisplay({ stream, showSecrets, paint }: Base): Display {
  const live = createLogUpdate(stream);
  const width = (): number => stream.columns ?? FALLBACK_WIDTH;
  const draw = (model: Model, began: number): void => {
    const now = Math.max(model.now, performance.now() - began);
    const height = Math.max(3, (stream.rows ?? FALLBACK_HEIGHT) - CHROME);
    const running = [...model.rows.values()].filter((row) => row.phase === "running" && row.op !== "same").length;
    const head = `${title(model)}  ${model.changed} done, ${running} under way, ${seconds(now)}`;
    const body = treeLines(model, active(model, height), width(), now, paint);
    const said = model.diagnostics.at(-1);
    const last = said === undefined ? [] : [cut(`${said.severity}: ${said.message.split("\n")[0] ?? ""}`, width() - 1)];
    live([paint("bold", cut(head, width() - 1)), "", ...body, ...last].join("\n"));
  };
  let redraw: NodeJS.Timeout | undefined;
  return display({
    begin(model) {
      const began = performance.now();
      redraw = setInterval(() => draw(model, began), REDRAW_MS);
      redraw.unref();
    },
    show: () => undefined,
    end(model) {
      clearInterval(redraw);
      live.clear();
      live.done();
      write(
        stream,
        joined(
          model.prelude === undefined ? [] : [paint("bold", title(model))],
          treeLines(model, notable(model), width(), model.now, paint),
          ...endSections(model, showSecrets, paint),
        ),
      );
    },
  });
}

const endSections = (model: Model, showSecrets: boolean, paint: Paint): string[][] => [
  diagnosticsSection(model, paint),
  policiesSection(model, paint),
  outputsSection(model, showSecrets, paint),
  summarySection(model, paint),
];

function plainDisplay({ stream, showSecrets, paint }: Base): Display {
  const reported = new Map<string, number>();
  const stepLine = (model: Model, step: StepInfo, text: string): string => {
    const { sign, style } = wordingOf(step.op);
    const row = model.rows.get(step.urn);
    return ` ${paint(style, sign)} ${step.type} ${row?.name ?? step.urn} ${text}`.trimEnd();
  };
  const show = (event: EngineEvent, model: Model): void => {
    switch (event.kind) {
      case "prelude":
        return write(stream, [`${title(model)}:`]);
      case "step-start":
        if (model.dryRun || isIdle(event.step.op)) return;
        return write(stream, [stepLine(model, event.step, wordingOf(event.step.op).running)]);
      case "step-status": {
        const row = model.rows.get(event.urn);
        if (!row || event.at - (reported.get(event.urn) ?? row.startedAt) < STATUS_MS) return;
        reported.set(event.urn, event.at);
        return write(stream, [
          `    ${row.type} ${row.name} ${event.message.split("\n")[0]} (${seconds(event.at - row.startedAt)})`,
        ]);
      }
      case "step-end":
        return stepEnd(model, event.step, event.failed);
      case "diagnostic": {
        if (event.severity === "debug") return;
        const row = event.urn === undefined ? undefined : model.rows.get(event.urn);
        const about = row === undefined ? [] : [`    ${row.type} (${row.name}):`];
        return write(stream, [...about, ...diagnosticLines(event, "    ", paint)]);
      }
      case "policy":
        return write(stream, [`    policy pack ${event.pack}:`, ...policyLines(event, "    ", paint)]);
      case "outputs":
      case "summary":
        return;
    }
  };
  const stepEnd = (model: Model, step: StepInfo, failed: string | undefined): void => {
    if (isIdle(step.op) && failed === undefined) return;
    const { plan, done, running } = wordingOf(step.op);
    const row = model.rows.get(step.urn);
    const took = row === undefined ? "" : ` (${seconds(row.endedAt - row.startedAt)})`;
    const changes = row !== undefined && row.changes !== "" ? ` [diff: ${row.changes}]` : "";
    if (failed !== undefined) {
      return write(stream, [
        stepLine(model, step, paint("red", `${running || plan} failed: ${failed.split("\n")[0]}`)),
      ]);
    }
    return write(stream, [stepLine(model, step, model.dryRun ? `${plan}${changes}` : `${done}${took}${changes}`)]);
  };
  return display({
    begin: () => reported.clear(),
    show,
    end: (model) => {
      const last = joined(outputsSection(model, showSecrets, paint), summarySection(model, paint));
      if (last.length > 0) write(stream, ["", ...last]);
    },
  });
}

function diffDisplay({ stream, showSecrets, paint }: Base): Display {
  return display({
    begin: (model) => write(stream, [`${title(model)}:`, ""]),
    show(event) {
      if (event.kind !== "step-end") return;
      const failed = event.failed === undefined ? [] : [paint("red", `    failed: ${event.failed}`), ""];
      write(stream, [...stepLines(event.step, showSecrets, paint), ...failed]);
    },
    end: (model) => write(stream, joined(...endSections(model, showSecrets, paint))),
  });
}

/** The last pass is the result: of an update that was carried out, its preview is not told. */
function jsonDisplay({ stream, showSecrets }: Base): Display {
  let model = new Model();
  let steps: StepInfo[] = [];
  const sink = (given: EngineEvent): void => {
    const event = normalised(given);
    if (event.kind === "prelude") {
      model = new Model();
      steps = [];
    }
    model.add(event);
    if (event.kind === "step-end") steps.push(event.step);
  };
  let closed = false;
  return Object.assign(sink, {
    close: () => {
      if (!closed) stream.write(`${JSON.stringify(jsonDocument(model, steps, showSecrets), null, 2)}\n`);
      closed = true;
    },
  });
}
