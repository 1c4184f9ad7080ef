import { MultiBar, Presets } from "cli-progress";

/** How far a load is. */
export interface Progress {
  start(what: string, total: number): void;
  add(count: number): void;
  end(): void;
}

const LINES_EVERY_MS = 10_000;

/** A bar for each table on a terminal, lines elsewhere: a log has no use for a bar. */
export function progressOn(output: NodeJS.WriteStream): Progress {
  return output.isTTY ? bars(output) : lines((text) => void output.write(`${text}\n`));
}

function bars(output: NodeJS.WriteStream): Progress {
  const all = new MultiBar(
    { stream: output, format: "{what} {bar} {percentage}% {value}/{total}, {eta_formatted} left", hideCursor: true },
    Presets.shades_classic,
  );
  let bar: ReturnType<typeof all.create>;
  return {
    start: (what, total) => (bar = all.create(total, 0, { what: what.padEnd(10) })),
    add: (count) => bar.increment(count),
    end: () => all.stop(),
  };
}

export function lines(say: (text: string) => void): Progress {
  let [name, of, done, said] = ["", 0, 0, 0];
  return {
    start(what, total) {
      [name, of, done, said] = [what, total, 0, Date.now()];
      if (total === 0) say(`${name}: none`);
    },
    add(count) {
      done += count;
      if (done < of && Date.now() - said < LINES_EVERY_MS) return;
      said = Date.now();
      say(`${name}: ${done} of ${of}`);
    },
    end: () => undefined,
  };
}
