import { open, type FileHandle } from "node:fs/promises";

const block = 512;

/** Reads one member of an uncompressed tar archive without reading the others; undefined when it has none of that name. */
export async function readMember(path: string, member: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    for await (const { name, start, size } of members(file, path)) {
      if (name.replace(/^\.\//, "") !== member) continue;
      return (await readExactly(file, start, size, path)).toString("utf8");
    }
    return undefined;
  } finally {
    await file.close();
  }
}

async function* members(file: FileHandle, path: string): AsyncGenerator<{ name: string; start: number; size: number }> {
  const { size: total } = await file.stat();
  for (let offset = 0; offset + block <= total;) {
    const header = await readExactly(file, offset, block, path);
    if (header.every((byte) => byte === 0)) return;
    if (header.toString("latin1", 257, 262) !== "ustar") throw new Error(`${path} is not a tar archive`);
    const size = Number.parseInt(text(header, 124, 12), 8);
    if (!Number.isSafeInteger(size) || offset + block + size > total) throw new Error(`${path} is cut off or damaged`);
    const prefix = text(header, 345, 155);
    const name = text(header, 0, 100);
    yield { name: prefix ? `${prefix}/${name}` : name, start: offset + block, size };
    offset += block + Math.ceil(size / block) * block;
  }
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.toString("utf8", start, start + length);
  const end = field.indexOf("\0");
  return (end < 0 ? field : field.slice(0, end)).trim();
}

async function readExactly(file: FileHandle, offset: number, length: number, path: string): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  if (bytesRead < length) throw new Error(`${path} is cut off or damaged`);
  return buffer;
}
