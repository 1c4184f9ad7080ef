import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface ProjectParts {
  /** @default sample */
  readonly name?: string;
  /** TypeScript of its `index.ts`. */
  readonly program: string;
  /** Content of each stack's file. @default an empty dev */
  readonly stacks?: Readonly<Record<string, string>>;
  /** The folder that holds `.pulumi`. @default the project's own */
  readonly state?: string;
}

/** A project in a folder of its own, with this checkout's packages; its stacks' passphrase is {@link passphrase}. */
export class TestProject {
  readonly folder: string;
  readonly passphrase = "correct horse";
  private readonly name: string;
  private readonly state: string;

  constructor({ name = "sample", program, stacks = { dev: "", other: "" }, state }: ProjectParts) {
    this.name = name;
    this.folder = mkdtempSync(path.join(tmpdir(), `ballast-${name}-`));
    this.state = state ?? this.folder;
    symlinkSync(path.resolve(__dirname, "../../../node_modules"), path.join(this.folder, "node_modules"));
    const backend = state === undefined ? "" : `backend:\n  url: file://${state}\n`;
    writeFileSync(path.join(this.folder, "Pulumi.yaml"), `name: ${name}\nruntime: nodejs\nmain: infra\n${backend}`);
    for (const [stack, content] of Object.entries(stacks)) this.writeStack(stack, content);
    mkdirSync(path.join(this.folder, "infra"));
    writeFileSync(path.join(this.folder, "package.json"), "{}");
    this.write(program);
  }

  write(program: string): void {
    writeFileSync(path.join(this.folder, "infra", "index.ts"), program);
  }

  writeStack(stack: string, content: string): void {
    writeFileSync(path.join(this.folder, `Pulumi.${stack}.yaml`), content);
  }

  /** For the engine's functions. */
  options({ stack = "dev" } = {}): { projectDir: string; stack: string; passphrase: () => Promise<string> } {
    return { projectDir: this.folder, stack, passphrase: async () => this.passphrase };
  }

  /** The text of a stack's state file. */
  checkpoint(stack = "dev"): string {
    return readFileSync(this.path("stacks", this.name, `${stack}.json`), "utf8");
  }

  /** What a run leaves only when it was killed: locks, journals, unfinished files. */
  leftovers(): string[] {
    const files = readdirSync(this.path(), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files
      .map(({ parentPath, name }) => path.relative(this.path(), path.join(parentPath, name)))
      .filter((file) => file.startsWith("locks") || !/\.(json|bak|attrs)$|^meta\.yaml$/.test(file));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private path(...parts: string[]): string {
    return path.join(this.state, ".pulumi", ...parts);
  }
}
