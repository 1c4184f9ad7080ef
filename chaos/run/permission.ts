import data from "../changeWindows.json";

/** When an environment may be hit, UTC; environments that are not named always may. */
export type ChangeWindows = Readonly<
  Record<string, readonly { readonly days: readonly string[]; readonly from: string; readonly to: string }[]>
>;

/**
 * @param knowing the operator has said that they know what they do
 * @throws when the environment has change windows, and it is not open or nobody has said so
 */
export function permit(environment: string, knowing: boolean, now: Date, windows: ChangeWindows = data): void {
  const own = windows[environment];
  if (own === undefined) return;
  const [day = "", time = ""] = [now.toUTCString().slice(0, 3), now.toISOString().slice(11, 16)];
  const open = own.some(({ days, from, to }) => days.includes(day) && time >= from && time < to);
  const shown = own.map(({ days, from, to }) => `${days.join(", ")} ${from} to ${to} UTC`).join("; ");
  if (!open)
    throw new Error(
      `${environment} may be hit in its change window only: ${shown}; it is ${day} ${time} UTC (chaos/changeWindows.json)`,
    );
  if (!knowing) throw new Error(`${environment} has real users: add --i-know to hit it`);
}
