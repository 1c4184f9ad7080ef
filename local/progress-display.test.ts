import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { createProgress, duration, endLine, liveLine, reportLine, type ShownTask, startLine } from "./progress-display";

class Recording extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

class Terminal extends Recording {
  readonly isTTY = true;
  readonly columns = 70;
  readonly rows = 24;
}

const task = (more: Partial<ShownTask> = {}): ShownTask => ({ title: "Building", started: 0, detail: "", ...more });

describe("progress display", () => {
  it("writes a line at the start and at the end where there is no terminal", async () => {
    const stream = new Recording();
    const progress = createProgress(stream);
    const result = await progress.task("Building", async (shown) => {
      shown.detail("part 1");
      progress.note("a note");
      return 5;
    });
    assert.equal(result, 5);
    assert.match(stream.text, /^… Building\na note\n✔ Building \(\d.* s\)\n$/);
  });

  it("tells a failure and passes the error on", async () => {
    const stream = new Recording();
    const failing = createProgress(stream).task("Building", () => Promise.reject(new Error("no")), {
      estimateSeconds: 90,
    });
    await assert.rejects(failing, /^Error: no$/);
    assert.match(stream.text, /^… Building \(about 1 min 30 s\)\n✖ Building \(failed after \d.* s\)\n$/);
  });

  it("redraws on a terminal and leaves what ended", async () => {
    const ci = process.env.CI;
    delete process.env.CI;
    try {
      const stream = new Terminal();
      const progress = createProgress(stream);
      await progress.task("Building", async (shown) => {
        shown.detail("part 1");
        await progress.task("Inner", () => Promise.resolve());
      });
      assert.match(stream.text, /Building/);
      assert.match(stream.text, /✔.* Inner \(/);
      assert.match(stream.text, /✔.* Building \([^)]*\)\n/);
    } finally {
      if (ci !== undefined) process.env.CI = ci;
    }
  });

  it("shows a share done, or judges it by the estimate", () => {
    assert.match(liveLine(task({ fraction: 0.5 }), 4000, 80), /Building .*\[={10} {10}\] 4 s, 50 %$/);
    assert.match(liveLine(task({ estimateSeconds: 40 }), 10_000, 80), /\[={5} {15}\] 10 s of about 40 s$/);
    assert.match(liveLine(task({ estimateSeconds: 5 }), 60_000, 80), /\[={19} \] 1 min 00 s of about 5 s$/);
    assert.doesNotMatch(liveLine(task(), 1000, 80), /\[/);
  });

  it("never fills a line of the terminal", () => {
    for (const width of [20, 40, 59, 60, 80, 200]) {
      const line = liveLine(task({ title: "x".repeat(90), detail: "y".repeat(90), estimateSeconds: 300 }), 5000, width);
      assert.ok(line.length < width, `${line.length} in ${width}`);
    }
  });

  it("reports with detail and time", () => {
    assert.equal(
      reportLine(task({ detail: "part 2", fraction: 0.25 }), 65_000),
      "… Building: part 2 (1 min 05 s, 25 %)",
    );
    assert.equal(startLine(task()), "… Building");
    assert.equal(endLine(task(), true, 3_720_000), "✔ Building (1 h 02 min)");
  });

  it("writes durations as people say them", () => {
    assert.deepEqual([0, 0.4, 9.96, 59.4, 60, 3599, 3600].map(duration), [
      "0 s",
      "0.4 s",
      "10 s",
      "59 s",
      "1 min 00 s",
      "59 min 59 s",
      "1 h 00 min",
    ]);
  });
});
