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

/** A display of `onEvent`, whose `onClose` runs once. */
function display(model: Model, onEvent: (event: EngineEvent) => void, onClose: () => void): Display {
  let closed = false;
  const sink = (event: EngineEvent): void => {
    if (closed) return;
    model.add(event);
    onEvent(event);
  };
  return Object.assign(sink, {
    close: () => {
      if (closed) return;
      closed = true;
      onClose();
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
  const model = new Model();
  const live = createLogUpdate(stream as NodeJS.WriteStream);
  const began = performance.now();
  const width = (): number => stream.columns ?? FALLBACK_WIDTH;
  const draw = (): void => {
    const now = Math.max(model.now, performance.now() - began);
    const height = Math.max(3, (stream.rows ?? FALLBACK_HEIGHT) - CHROME);
    const running = [...model.rows.values()].filter((row) => row.phase === "running" && row.op !== "same").length;
    const head = `${title(model)}  ${model.changed} done, ${running} under way, ${seconds(now)}`;
    const body = treeLines(model, active(model, height), width(), now, paint);
    const said = model.diagnostics.at(-1);
    const last = said === undefined ? [] : [cut(`${said.severity}: ${said.message.split("\n")[0] ?? ""}`, width() - 1)];
    live([paint("bold", cut(head, width() - 1)), "", ...body, ...last].join("\n"));
  };
  const redraw = setInterval(draw, REDRAW_MS);
  redraw.unref();
  return display(
    model,
    () => undefined,
    () => {
      clearInterval(redraw);
      live.clear();
      live.done();
      const tree = treeLines(model, notable(model), width(), model.now, paint);
      write(
        stream,
        joined(
          [paint("bold", title(model))],
          tree,
          diagnosticsSection(model, paint),
          policiesSection(model, paint),
          outputsSection(model, showSecrets, paint),
          summarySection(model, paint),
        ),
      );
    },
  );
}

function plainDisplay({ stream, showSecrets, paint }: Base): Display {
  const model = new Model();
  const reported = new Map<string, number>();
  const stepLine = (step: StepInfo, text: string): string => {
    const { sign, style } = wordingOf(step.op);
    const row = model.rows.get(step.urn);
    return ` ${paint(style, sign)} ${step.type} ${row?.name ?? step.urn} ${text}`.trimEnd();
  };
  const onEvent = (event: EngineEvent): void => {
    switch (event.kind) {
      case "prelude":
        return write(stream, [`${title(model)}:`]);
      case "step-start":
        if (model.dryRun || isIdle(event.step.op)) return;
        return write(stream, [stepLine(event.step, wordingOf(event.step.op).running)]);
      case "step-status": {
        const row = model.rows.get(event.urn);
        if (!row || event.at - (reported.get(event.urn) ?? row.startedAt) < STATUS_MS) return;
        reported.set(event.urn, event.at);
        return write(stream, [
          `    ${row.type} ${row.name} ${event.message.split("\n")[0]} (${seconds(event.at - row.startedAt)})`,
        ]);
      }
      case "step-end":
        return stepEnd(event.step, event.failed);
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
  const stepEnd = (step: StepInfo, failed: string | undefined): void => {
    if (isIdle(step.op) && failed === undefined) return;
    const { plan, done, running } = wordingOf(step.op);
    const row = model.rows.get(step.urn);
    const took = row === undefined ? "" : ` (${seconds(row.endedAt - row.startedAt)})`;
    const changes = row !== undefined && row.changes !== "" ? ` [diff: ${row.changes}]` : "";
    if (failed !== undefined) {
      return write(stream, [stepLine(step, paint("red", `${running || plan} failed: ${failed.split("\n")[0]}`))]);
    }
    return write(stream, [stepLine(step, model.dryRun ? `${plan}${changes}` : `${done}${took}${changes}`)]);
  };
  return display(model, onEvent, () =>
    write(stream, ["", ...joined(outputsSection(model, showSecrets, paint), summarySection(model, paint))]),
  );
}

function diffDisplay({ stream, showSecrets, paint }: Base): Display {
  const model = new Model();
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === "prelude") write(stream, [`${title(model)}:`, ""]);
    if (event.kind === "step-end") {
      const failed = event.failed === undefined ? [] : [paint("red", `    failed: ${event.failed}`), ""];
      write(stream, [...stepLines(event.step, showSecrets, paint), ...failed]);
    }
  };
  return display(model, onEvent, () =>
    write(
      stream,
      joined(
        diagnosticsSection(model, paint),
        policiesSection(model, paint),
        outputsSection(model, showSecrets, paint),
        summarySection(model, paint),
      ),
    ),
  );
}

function jsonDisplay({ stream, showSecrets }: Base): Display {
  const model = new Model();
  const steps: StepInfo[] = [];
  const onEvent = (event: EngineEvent): void => {
    if (event.kind === "step-end") steps.push(event.step);
  };
  return display(model, onEvent, () => {
    stream.write(`${JSON.stringify(jsonDocument(model, steps, showSecrets), null, 2)}\n`);
  });
}
