import type { StepInfo } from "../events";
import type { ResourceState } from "../state/store";
import { isMap, type PropertyMap, type PropertyValue, Secret } from "../values";
import { encodeMap } from "../wire";
import type { Model } from "./model";
import { isIdle } from "./operations";
import { SECRET_TEXT } from "./values";

/** The one JSON document of a run: for previews in the form of `pulumi preview --json`, for all else a result. */
export function jsonDocument(model: Model, steps: readonly StepInfo[], showSecrets: boolean): Record<string, unknown> {
  const conceal = (map: PropertyMap): PropertyMap => (showSecrets ? map : (concealed(map) as PropertyMap));
  const durationMs = Math.round(model.summary?.durationMs ?? model.now);
  const diagnostics = [
    ...model.diagnostics.map(({ urn, severity, message }) => ({
      ...(urn === undefined ? {} : { urn }),
      message: message.endsWith("\n") ? message : `${message}\n`,
      severity,
    })),
    ...model.policies.map(({ urn, level, pack, policy, message }) => ({
      ...(urn === undefined ? {} : { urn }),
      prefix: `[${level}] ${pack}: ${policy}`,
      message: `${message}\n`,
      severity: level === "mandatory" ? "error" : level === "advisory" ? "warning" : "info",
    })),
  ];
  if (model.dryRun) {
    return {
      config: model.prelude?.config ?? {},
      steps: steps.map((step) => previewStep(step, conceal)),
      ...(diagnostics.length > 0 ? { diagnostics } : {}),
      // Nanoseconds, as Go writes a duration.
      duration: durationMs * 1_000_000,
      changeSummary: model.summary?.changes ?? {},
    };
  }
  return {
    operation: model.prelude?.operation ?? "",
    stack: model.prelude?.stack ?? "",
    result: model.summary?.result ?? "failed",
    changeSummary: model.summary?.changes ?? {},
    durationMs,
    outputs: encodeMap(conceal(model.outputs ?? {})),
    steps: steps.filter(({ op }) => !isIdle(op)).map(({ op, urn }) => ({ op, urn, ...failureOf(model, urn) })),
    diagnostics,
  };
}

function failureOf(model: Model, urn: string): { failed?: string } {
  const row = model.rows.get(urn);
  return row?.phase === "failed" ? { failed: row.failure } : {};
}

function previewStep(step: StepInfo, conceal: (map: PropertyMap) => PropertyMap): Record<string, unknown> {
  const detailed = Object.entries(step.detailedDiff ?? {});
  return {
    op: step.op,
    urn: step.urn,
    ...(step.provider === undefined ? {} : { provider: step.provider }),
    ...(step.old === undefined ? {} : { oldState: stateJson(step.old, conceal) }),
    ...(step.new === undefined ? {} : { newState: stateJson(step.new, conceal) }),
    ...(detailed.length === 0
      ? {}
      : { diffReasons: [...new Set(detailed.map(([path]) => /^[^.[]+/.exec(path)?.[0] ?? path))] }),
    ...(step.replaceReasons === undefined || step.replaceReasons.length === 0
      ? {}
      : { replaceReasons: step.replaceReasons }),
    detailedDiff:
      detailed.length === 0
        ? null
        : Object.fromEntries(detailed.map(([path, diff]) => [path, { diff, inputDiff: true }])),
  };
}

function stateJson(state: ResourceState, conceal: (map: PropertyMap) => PropertyMap): Record<string, unknown> {
  const { inputs, outputs, ...rest } = state;
  return { ...rest, inputs: encodeMap(conceal(inputs)), outputs: encodeMap(conceal(outputs)) };
}

function concealed(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return SECRET_TEXT;
  if (Array.isArray(value)) return value.map(concealed);
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, concealed(part)])) : value;
}
