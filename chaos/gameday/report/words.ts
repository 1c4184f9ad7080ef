import type { Html } from "../../../loadtests/report/html";
import { badge } from "../../../loadtests/report/page";
import type { GameDay, Outcome } from "../day";

const kinds: Readonly<Record<Outcome | GameDay["verdict"], "good" | "bad" | "open">> = {
  held: "good",
  deviated: "bad",
  failed: "bad",
  aborted: "bad",
  interrupted: "open",
  "not run": "open",
  "cut off": "open",
};
export const shown = (outcome: Outcome | GameDay["verdict"]): Html => badge(kinds[outcome], outcome);
export const rounded = (value: number): string => String(Number(value.toPrecision(3)));
/** Of a moment, as people write it. */
export const time = (moment: string): string => moment.replace("T", " ").replace(/\.\d+Z$/, " UTC");
