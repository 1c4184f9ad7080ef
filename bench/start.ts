import { join } from "node:path";
import { Members } from "../chaos/postgres/members";
import { close, connect } from "../chaos/postgres/writer";
import { repeat } from "./child";
import type { Benchmark } from "./figure";
import { LocalStack } from "./stack";
import { writeCalls } from "./writes";

async function writeOnce(stack: LocalStack): Promise<void> {
  const client = await connect(await new Members(await stack.postgres()).target());
  try {
    await client.query("CREATE TABLE ballast_first_write (at timestamptz NOT NULL)");
    await client.query("INSERT INTO ballast_first_write VALUES (now())");
    await client.query("DROP TABLE ballast_first_write");
  } finally {
    await close(client);
  }
}

const writesOf = async (stack: LocalStack): Promise<number> =>
  writeCalls((await stack.kubectl("get", "--raw", "/metrics")).stdout);

export const start: Benchmark = {
  name: "start",
  description:
    "warm start of the local stack, from nothing running to the first write; then an up with nothing to do, and the writes it causes",
  async run(bench) {
    const stack = new LocalStack(join(bench.folder, "state"));
    try {
      bench.say("once unmeasured, so that programs and images are there");
      await stack.up();
      const runs = await repeat(bench.times, async () => {
        await stack.down();
        const started = performance.now();
        await stack.up();
        await writeOnce(stack);
        const seconds = (performance.now() - started) / 1000;
        const before = await writesOf(stack);
        const noop = await stack.up();
        const writes = (await writesOf(stack)) - before;
        bench.say(
          `first write after ${seconds.toFixed(1)} s; no-op ${noop.seconds.toFixed(1)} s with ${writes} writes`,
        );
        return { seconds, noop: noop.seconds, writes };
      });
      return [
        {
          name: "start: warm, from nothing running to the first write",
          unit: "s",
          runs: runs.map(({ seconds }) => seconds),
          target: { of: "median", most: 90 },
        },
        {
          name: "start: second up, nothing to do",
          unit: "s",
          runs: runs.map(({ noop }) => noop),
          target: { of: "median", most: 10 },
        },
        {
          name: "start: calls that write, of the second up",
          unit: "calls",
          runs: runs.map(({ writes }) => writes),
          target: { of: "maximum", most: 0 },
          remark: "apiserver_request_total of the kinds that the stack declares",
        },
      ];
    } finally {
      await stack.down();
    }
  },
};
