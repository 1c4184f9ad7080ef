const MARK = "ballast-summary ";
/** A longer line would be cut by the node that keeps the pod's log, and others could come in between. */
const LONGEST = 4000;

/** The summary in lines of a log, between others. */
export function summaryLines(text: string): string {
  const parts = text.match(new RegExp(`[^]{1,${LONGEST}}`, "g")) ?? [];
  return parts.map((part) => `${MARK}${part}\n`).join("");
}

/** The part of the summary that a line of a log has; nothing, for another line. */
export const summaryPart = (line: string): string | undefined =>
  line.startsWith(MARK) ? line.slice(MARK.length) : undefined;
