import type { TaskStore } from "../../store/store";
import type { Checks } from "../checks";
import type { Metrics } from "../metrics";

/** What the routes work on. */
export interface RouteArgs {
  readonly store: TaskStore;
  readonly metrics: Metrics;
  readonly checks: Checks;
}
