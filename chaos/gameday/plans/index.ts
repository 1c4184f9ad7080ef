import type { GameDayPlanInput } from "../plan";
import { application } from "./application";
import { firstGameday } from "./first-gameday";
import { nodeLoss } from "./node-loss";
import { postgres } from "./postgres";

/** Every GameDay that there is, by what `ballast gameday run` calls it. */
export const plans: readonly GameDayPlanInput[] = [firstGameday, postgres, application, nodeLoss];
