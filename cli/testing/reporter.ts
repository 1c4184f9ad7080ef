import Mocha from "mocha";
import { skipReason } from "./skip";

/** Mocha's spec reporter, then each skipped test with its reason, then the one line that CI reads. */
class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const skipped = new Map<string, string[]>();
    runner.on("pending", (test) => {
      const reason = skipReason(test) ?? "no reason given";
      skipped.set(reason, [...(skipped.get(reason) ?? []), test.fullTitle()]);
    });
    runner.once("end", () => {
      for (const [reason, titles] of skipped) {
        process.stdout.write(`Skipped, because ${reason}:\n${titles.map((title) => `  - ${title}\n`).join("")}`);
      }
    });
    // Printed as the process ends, so that it is the last line even when the teardown has something to tell.
    process.once("exit", () => {
      const { passes, failures, pending } = this.stats;
      process.stdout.write(`\n${passes} passed, ${failures} failed, ${pending} skipped\n`);
    });
  }
}

export = Reporter;
