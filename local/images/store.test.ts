import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sanitise, Store } from "./store";

describe("the store of archives", () => {
  let root: string;
  let store: Store;
  const image = { reference: "quay.io/some/thing:v1", key: "abc", source: "stand-in" } as const;
  const write = async (path: string) => {
    await writeFile(path, "archive");
    return "id";
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "ballast-store-"));
    store = new Store(root);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("makes file names of references", () => {
    assert.equal(sanitise("docker.io/library/debian:bookworm-slim"), "docker.io_library_debian_bookworm-slim");
    assert.equal(sanitise("registry.example.org:5000/a_b:v1.0"), "registry.example.org_5000_a_b_v1.0");
  });

  it("finds what was put in, by reference and key", async () => {
    const record = await store.add(image, write);
    assert.deepEqual(record, { ...image, imageId: "id", size: 7 });
    assert.deepEqual(await store.find(image.reference, "abc"), record);
    assert.equal(await store.find(image.reference, "abd"), undefined);
    assert.deepEqual(await store.records(), [record]);
  });

  it("keeps nothing of an archive whose making failed", async () => {
    const failing = store.add(image, async (path) => {
      await writeFile(path, "half");
      throw new Error("cut off");
    });
    await assert.rejects(failing, /cut off/);
    assert.deepEqual(readdirSync(store.archives), []);
    assert.equal(await store.find(image.reference, "abc"), undefined);
  });

  it("does not trust an archive that was cut off, or a record that cannot be read", async () => {
    await store.add(image, write);
    const archive = store.archivePath(image.reference, "abc");
    truncateSync(archive, 3);
    assert.equal(await store.find(image.reference, "abc"), undefined);
    await store.add(image, write);
    writeFileSync(archive.replace(/tar$/, "json"), "{");
    assert.equal(await store.find(image.reference, "abc"), undefined);
    assert.deepEqual(await store.records(), []);
  });

  it("removes all but what is kept, half-made archives too", async () => {
    const kept = await store.add(image, write);
    await store.add({ ...image, key: "old" }, write);
    writeFileSync(join(store.archives, "half.tar.1.new"), "half");
    assert.equal((await store.removeAllBut([kept])) > 7, true);
    assert.deepEqual(await store.records(), [kept]);
    assert.equal(readdirSync(store.archives).length, 2);
  });
});
