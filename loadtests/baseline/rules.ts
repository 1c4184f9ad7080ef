import { z } from "zod";
import { metricNames } from "../measured";
import data from "./rules.json";

const schema = z.strictObject({
  /** Runs of which a baseline is made, at least. */
  leastRepeats: z.int().min(3),
  /** A change counts when it is more than so many times the spread of the baseline's own repeats: of three, they show only a part of it. */
  noiseFactor: z.number().min(1),
  metrics: z.record(
    z.enum(metricNames),
    z.strictObject({
      unit: z.string(),
      worse: z.enum(["higher", "lower"]),
      /** A smaller change never counts, in the metric's own measure: of 2 ms, 1 ms more is nothing. */
      least: z.number().min(0),
      /** Nor does one that is a smaller share of the baseline. */
      leastShare: z.number().min(0),
      /** Nor does one of so many iterations: when a run ends, one more or less is chance. */
      leastIterations: z.number().min(0).default(0),
    }),
  ),
});

/** When a change against a baseline is one. */
export const rules = schema.parse(data);
