import type { Context, Runnable, Suite } from "mocha";

const reasons = new WeakMap<Runnable | Suite, string>();

/**
 * Skips the running test, or in a `before` hook its whole suite, and says why: nothing that could not run counts as passed.
 * Call as `skip(this, "no archive of Qdrant's image was provided")`.
 */
export function skip(context: Context, reason: string): never {
  const running = context.test;
  if (running) reasons.set(isHook(running) && running.parent ? running.parent : running, reason);
  return context.skip();
}

export function skipReason(test: Runnable): string | undefined {
  const own = reasons.get(test);
  if (own !== undefined) return own;
  for (let suite: Suite | undefined = test.parent; suite; suite = suite.parent) {
    const reason = reasons.get(suite);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

const isHook = (runnable: Runnable): boolean => "type" in runnable && runnable.type === "hook";
