import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const installWithin = 180_000;

/** A program of a Python package, in a folder of its own below the user's cache; installed at first use. */
export class PythonTool {
  readonly program: string;
  readonly folder: string;

  constructor(
    private readonly name: string,
    private readonly version: string,
    program: string,
  ) {
    this.folder = join(homedir(), ".cache/ballast", name, version);
    this.program = join(this.folder, "bin", program);
  }

  /** Why it cannot be had; undefined when it is there. */
  async missing(): Promise<string | undefined> {
    if (existsSync(this.program)) return undefined;
    try {
      await run("python3", ["-m", "venv", this.folder]);
      const pip = ["install", "--quiet", "--disable-pip-version-check", `${this.name}==${this.version}`];
      await run(join(this.folder, "bin/pip"), pip, { timeout: installWithin });
      return undefined;
    } catch (error) {
      return `${this.name} ${this.version} could not be installed: ${(error as Error).message.slice(0, 300)}`;
    }
  }
}
