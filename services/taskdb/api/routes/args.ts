import type { TaskStore } from "../../store/store";
import type { Metrics } from "../metrics";

/** What the routes work on. */
export interface RouteArgs {
  readonly store: TaskStore;
  readonly metrics: Metrics;
  /** Folder of the artifacts' files. */
  readonly artifactsDir: string;
}
