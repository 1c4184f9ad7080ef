import type { Experiment, Probe } from "./schema";

/** The form of the Chaos Toolkit's experiments, as far as ours use it. Its process provider runs `ballast`, which does the work. */
interface Activity {
  readonly type: "action" | "probe";
  readonly name: string;
  readonly provider: { readonly type: "process"; readonly path: string; readonly arguments: readonly string[] };
  readonly tolerance?: number;
  readonly background?: boolean;
  readonly pauses?: { readonly before?: number; readonly after?: number };
}

const program = "ballast";
/** Exit code of `ballast chaos probe` when the probe is within its tolerance. */
const withinTolerance = 0;

function activity(type: Activity["type"], name: string, ...words: readonly string[]): Activity {
  return { type, name, provider: { type: "process", path: program, arguments: ["chaos", ...words] } };
}

function probe(of: Probe, stack: string): Activity {
  return { ...activity("probe", of.name, "probe", stack, JSON.stringify(of)), tolerance: withinTolerance };
}

/**
 * The experiment as the Chaos Toolkit runs it: probes of the steady state before and after, each fault held by an action that returns
 * once it has been undone, and as its rollback `ballast chaos undo`, which does nothing where nothing is left to undo.
 */
export function toToolkit(experiment: Experiment, stack: string): object {
  const { probes, title } = experiment["steady-state-hypothesis"];
  const looks = (...modes: readonly Probe["mode"][]) => probes.filter(({ mode }) => modes.includes(mode));
  return {
    version: "1.0.0",
    title: experiment.title,
    description: experiment.description,
    contributions: experiment.contributions,
    tags: experiment.tags,
    "steady-state-hypothesis": {
      title,
      probes: looks("start", "end", "edge", "continuous").map((each) => probe(each, stack)),
    },
    method: experiment.method.flatMap((step, index) => [
      ...looks("during", "continuous").map((each) => ({
        ...probe({ ...each, name: `${each.name} (step ${index + 1})` }, stack),
        background: true,
      })),
      {
        ...activity("action", `${step.fault.kind} (step ${index + 1})`, "act", stack, experiment.name, String(index)),
        ...(step.after > 0 && { pauses: { before: step.after } }),
      },
    ]),
    rollbacks: [activity("action", "undo whatever is left", "undo", stack)],
  };
}
