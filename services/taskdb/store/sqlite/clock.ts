/** The machine's clock in the domain's form. SQLite's own has milliseconds only. */
export function systemClock(): string {
  return format(Math.round((performance.timeOrigin + performance.now()) * 1000));
}

/** The clock's time, or the moment after `last` when the clock does not say more: what grows must grow, whatever the clock does. */
export function later(now: string, last: string): string {
  return now > last ? now : format(micros(last) + 1);
}

function format(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - ms * 1000).padStart(3, "0")}Z`;
}

const micros = (text: string): number => Date.parse(`${text.slice(0, 23)}Z`) * 1000 + Number(text.slice(23, 26));
