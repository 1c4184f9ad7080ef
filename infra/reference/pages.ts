import { declaredByProgram } from "../testing/program";
import { configurationPage } from "./configuration";
import { networkPage } from "./network";
import { slosPage } from "./slos";

/** The stack whose flows are shown: all environments declare the same. */
const shownStack = "prod";

/** The generated pages of `docs/`, by file name. */
export async function pages(): Promise<Readonly<Record<string, string>>> {
  const { declared } = await declaredByProgram(shownStack);
  return {
    "network.md": networkPage(declared, shownStack),
    "configuration.md": configurationPage(),
    "slos.md": slosPage(),
  };
}
