import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks again and again until the answer is neither undefined, null nor false, and gives it.
 * @param what the condition, for the error
 * @param seconds the limit
 * @param ask an error it throws counts as "not yet" and is the reason given at the limit
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined | null | false>,
  options: { readonly everyMs?: number; readonly why?: () => string | Promise<string> } = {},
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    let reason = "";
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > end) {
      const why = (await options.why?.()) || reason;
      throw new Error(`waited ${seconds} s until ${what}${why ? `: ${why}` : ""}`);
    }
    await sleep(options.everyMs ?? 50);
  }
}
