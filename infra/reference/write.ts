import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pages } from "./pages";

/** Writes the pages of `docs/` that come from the program and its schema. */
async function write(): Promise<void> {
  for (const [name, text] of Object.entries(await pages())) writeFileSync(join(__dirname, "../../docs", name), text);
}

void write();
