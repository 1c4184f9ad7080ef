// operation.ts, loaded as the command line loads what it runs.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "../cli/bundle.mjs";

const here = dirname(fileURLToPath(import.meta.url));
await load(dirname(here), join(here, "operation.ts"), "bench");
