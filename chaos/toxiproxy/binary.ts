import { join } from "node:path";
import { builtProgram, type GoProgram } from "../../local/goProgram";
import type { Progress } from "../../local/progress";

const program: GoProgram = {
  name: "toxiproxy",
  package: "github.com/Shopify/toxiproxy/v2/cmd/server",
  source: join(__dirname, "binary"),
  seconds: 45,
};

/** Toxiproxy of the pinned version, built from its module when it has not been yet. */
export const findToxiproxy = (progress: Progress): Promise<string> => builtProgram(program, progress);
