import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bytes, cpu } from "./fields";
import type { Ceiling } from "./rules";
import type { Environment } from "./schema";
import { environments } from "./schema";

const file = "policies/limits.json";

/** Only what is read here: the file belongs to the policy pack, which enforces the same numbers. */
const limits = z.object({
  environments: z.record(
    z.enum(environments),
    z.object({ container: z.object({ cpu: cpu("1m", "1000"), memory: bytes("1Mi", "100Ti") }) }),
  ),
});

/**
 * The ceiling of one container in an environment, from the policy pack's own data.
 *
 * @throws when the file lacks the environment or holds no amounts
 */
export function readCeiling(environment: Environment): Ceiling {
  const parsed = limits.safeParse(JSON.parse(readFileSync(join(__dirname, "../../", file), "utf8")));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")} must be ${message}`);
    throw new Error(`${file}: ${problems.join("; ")}`);
  }
  const { container } = parsed.data.environments[environment];
  return { cpu: container.cpu.value, memory: container.memory.value };
}
