import { readFile } from "node:fs/promises";
import { LineCounter, isCollection, isNode, isPair, parseDocument, type Document, type Node } from "yaml";

/** A YAML file that can say on which line something stands, and be written again with its comments. */
export class YamlFile {
  private constructor(
    readonly file: string,
    readonly document: Document,
    private readonly lines: LineCounter,
  ) {}

  /** `undefined` when the file does not exist. @throws an error with the file and line when it is not YAML */
  static async load(file: string): Promise<YamlFile | undefined> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw new Error(`${file} cannot be read: ${error.message}`);
      return undefined;
    });
    return text === undefined ? undefined : YamlFile.parse(file, text);
  }

  static parse(file: string, text: string): YamlFile {
    const lines = new LineCounter();
    // Integers as bigint: configuration is handed on as text, to the last digit.
    const document = parseDocument(text, { lineCounter: lines, intAsBigInt: true, prettyErrors: false });
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new Error(`${file}:${line}:${col} is malformed YAML: ${error.message}`);
    }
    return new YamlFile(file, document, lines);
  }

  /** The content as plain values; integers are bigint. `null` for an empty file. */
  get content(): unknown {
    return this.document.toJS() as unknown;
  }

  /** `file:line` of the value at `path`, or of the nearest thing around it. */
  at(...path: readonly (string | number)[]): string {
    for (let length = path.length; length > 0; length--) {
      const node = this.nodeAt(path.slice(0, length));
      if (node?.range) return `${this.file}:${this.lines.linePos(node.range[0]).line}`;
    }
    return this.file;
  }

  text(): string {
    return this.document.toString({ lineWidth: 0, flowCollectionPadding: true });
  }

  /** The key where there is one, for a long value begins on the line below it. */
  private nodeAt(path: readonly (string | number)[]): Node | undefined {
    const parent = path.length === 1 ? this.document.contents : this.document.getIn(path.slice(0, -1), true);
    const last = path.at(-1);
    if (isCollection(parent)) {
      for (const item of parent.items) {
        if (isPair(item) && isNode(item.key) && String(item.key) === String(last)) return item.key;
      }
    }
    const node = this.document.getIn(path, true);
    return isNode(node) ? node : undefined;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a value is, in words, for errors. Never shows the value itself: it may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "bigint") return "an integer";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}
