import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { silent } from "../progress";
import type { Builder } from "./builder";
import { loadCatalogue } from "./catalogue";
import { Registries } from "./registry";
import { ImageUnavailable, Images } from "./resolve";
import { Store } from "./store";

const list = {
  debian: {
    kind: "upstream",
    reference: "docker.io/library/debian:bookworm-slim",
    purpose: "base",
    standIn: "stand-ins/debian",
  },
  pause: { kind: "upstream", reference: "registry.test/pause:1", purpose: "pause", standIn: "stand-ins/pause" },
  database: { kind: "own", reference: "ours.test/database:1", purpose: "database", folder: "database" },
  vectors: {
    kind: "upstream",
    reference: "foreign.test/vectors:1",
    purpose: "vectors",
    unavailable: "no package registry has it",
    binary: { path: "/vectors" },
  },
};
const { debian, pause, database, vectors } = {
  debian: list.debian.reference,
  pause: list.pause.reference,
  database: list.database.reference,
  vectors: list.vectors.reference,
};

describe("where an image comes from", () => {
  let root: string;
  /** What was made, in order. */
  let made: string[];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "ballast-images-"));
    made = [];
    put("images.json", JSON.stringify(list));
    put("stand-ins/debian/Containerfile", "FROM scratch\n");
    put("stand-ins/pause/Containerfile", "FROM scratch\n");
    put("database/Containerfile", `FROM ${debian}\n`);
    mkdirSync(join(root, "provided"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function put(file: string, content: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }

  interface Situation {
    /** Registries that answer. @default none */
    readonly answering?: readonly string[];
    readonly provided?: boolean;
    /** @default pulls succeed */
    readonly pull?: () => Promise<void>;
    readonly build?: () => Promise<void>;
  }

  /** As one process would have it; the cache is that of the test. */
  function images(situation: Situation = {}): Images {
    const note = async (what: string, target: string): Promise<string> => {
      made.push(what);
      await writeFile(target, what);
      return what;
    };
    const builder: Builder = {
      pull: async (entry, target) => {
        await situation.pull?.();
        return note(`pull ${entry.name}`, target);
      },
      build: async (entry, _folder, _inputs, target) => {
        await situation.build?.();
        return note(`build ${entry.name}`, target);
      },
      fromArchive: (entry, _provided, target) => note(`archive ${entry.name}`, target),
      fromBinary: (entry, _program, _binary, target) => note(`binary ${entry.name}`, target),
      ensureBase: async (_reference, imageId) => {
        made.push(`on ${imageId}`);
      },
    };
    return new Images({
      catalogue: loadCatalogue(join(root, "images.json"), root),
      store: new Store(join(root, "cache")),
      registries: new Registries(async (host) => situation.answering?.includes(host) ?? false),
      builder,
      inputsOf: () => [],
      ...(situation.provided && { imagesDirectory: join(root, "provided") }),
    });
  }

  it("a stand-in where no registry answers; the second time, and in another process, the cache", async () => {
    const process = images();
    const path = await process.archive(pause, silent);
    assert.equal(await process.archive(pause, silent), path);
    assert.equal(await images().archive(pause, silent), path);
    assert.deepEqual(made, ["build pause"]);
  });

  it("once, when several ask at the same time, here and in another process", async () => {
    const [one, other] = [images(), images()];
    await Promise.all([one.archive(pause, silent), one.archive(pause, silent), other.archive(pause, silent)]);
    assert.deepEqual(made, ["build pause"]);
  });

  it("the registry where one answers; later the cache, network or not", async () => {
    const path = await images({ answering: ["registry.test"] }).archive(pause, silent);
    assert.equal(await images().archive(pause, silent), path);
    assert.deepEqual(made, ["pull pause"]);
  });

  it("a stand-in when the registry answers and the pull fails, with a note that says why", async () => {
    const notes: string[] = [];
    const pull = () => Promise.reject(new Error("manifest unknown"));
    const process = images({ answering: ["registry.test"], pull });
    await process.archive(pause, { ...silent, note: (text) => notes.push(text) });
    assert.deepEqual(made, ["build pause"]);
    assert.match(notes.join(), /registry\.test\/pause:1 could not be pulled, a stand-in is built: manifest unknown/);
  });

  it("a stand-in on its base, also when it was to be pulled at first", async () => {
    put("stand-ins/pause/Containerfile", `FROM ${debian}\n`);
    const pull = () => Promise.reject(new Error("manifest unknown"));
    await images({ answering: ["registry.test"], pull }).archive(pause, silent);
    assert.deepEqual(made, ["build debian", "on build debian", "build pause"]);
  });

  it("our Containerfile for our own image, on the base that it names, even where its registry answers", async () => {
    await images({ answering: ["ours.test"] }).archive(database, silent);
    assert.deepEqual(made, ["build debian", "on build debian", "build database"]);
  });

  it("made again when its Containerfile or its base changes, and not when another image does", async () => {
    await images().archive(database, silent);
    put("stand-ins/pause/Containerfile", "FROM scratch\nUSER 1\n");
    await images().archive(database, silent);
    assert.equal(made.length, 3);
    put("database/Containerfile", `FROM ${debian}\nUSER 999\n`);
    await images().archive(database, silent);
    assert.deepEqual(made.slice(3), ["on build debian", "build database"]);
    put("stand-ins/debian/Containerfile", "FROM scratch\nUSER 1\n");
    await images().archive(database, silent);
    assert.deepEqual(made.slice(5), ["build debian", "on build debian", "build database"]);
  });

  it("what is provided before everything else, as long as it is provided", async () => {
    await images().archive(pause, silent);
    const tar = Buffer.alloc(2048);
    const manifest = "[{}]";
    tar.write("manifest.json", 0);
    tar.write(manifest.length.toString(8).padStart(11, "0"), 124);
    tar.write("ustar", 257);
    tar.write(manifest, 512);
    writeFileSync(join(root, "provided", "registry.test_pause_1.tar"), tar);
    const situation = { provided: true, answering: ["registry.test"] };
    const provided = await images(situation).archive(pause, silent);
    assert.equal(await images(situation).archive(pause, silent), provided);
    assert.notEqual(await images().archive(pause, silent), provided);
    assert.deepEqual(made, ["build pause", "archive pause"]);
  });

  it("a provided program, put on the base", async () => {
    writeFileSync(join(root, "provided", "vectors"), "program");
    await images({ provided: true }).archive(vectors, silent);
    assert.deepEqual(made, ["build debian", "on build debian", "binary vectors"]);
  });

  it("nowhere, with the reason, where there is neither registry nor stand-in", async () => {
    const process = images();
    await assert.rejects(process.archive(vectors, silent), (error) => {
      assert.ok(error instanceof ImageUnavailable);
      assert.equal(error.reference, vectors);
      assert.match(
        error.message,
        /foreign\.test\/vectors:1 is not available: foreign\.test does not answer, and no package registry has it/,
      );
      return true;
    });
    assert.deepEqual(made, []);
  });

  it("nowhere, with both reasons, when its pull fails and there is no stand-in", async () => {
    const process = images({ answering: ["foreign.test"], pull: () => Promise.reject(new Error("denied")) });
    await assert.rejects(
      process.archive(vectors, silent),
      /not available: pulling it failed \(denied\), and no package registry has it/,
    );
  });

  it("after a failed build, a new attempt", async () => {
    let broken = true;
    const process = images({ build: async () => assert.equal(broken, false, "no disk") });
    await assert.rejects(process.archive(pause, silent), /no disk/);
    broken = false;
    await process.archive(pause, silent);
    assert.deepEqual(made, ["build pause"]);
  });

  it("an unknown reference is refused with the known ones", async () => {
    await assert.rejects(
      images().archive("quay.io/a/b:1", silent),
      /quay\.io\/a\/b:1 is not in .*it has[^]*registry\.test\/pause:1/,
    );
  });

  describe("in the list", () => {
    const sources = async (situation?: Situation) =>
      Object.fromEntries(
        (await images(situation).list()).map(({ name, source, cached }) => [
          name,
          cached ? `${source}, cached` : source,
        ]),
      );

    it("says what would be done, and does nothing", async () => {
      assert.deepEqual(await sources(), {
        debian: "stand-in",
        pause: "stand-in",
        database: "built",
        vectors: "unavailable",
      });
      assert.deepEqual(await sources({ answering: ["registry.test", "foreign.test"] }), {
        debian: "stand-in",
        pause: "pulled",
        database: "built",
        vectors: "pulled",
      });
      assert.deepEqual(made, []);
    });

    it("says what was done, with the size", async () => {
      await images().archive(database, silent);
      assert.deepEqual(await sources(), {
        debian: "stand-in, cached",
        pause: "stand-in",
        database: "built, cached",
        vectors: "unavailable",
      });
      const status = (await images().list()).find(({ name }) => name === "database");
      assert.equal(status?.sizeBytes, "build database".length);
    });

    it("gives the reason of a stand-in and of what is not available", async () => {
      const reasons = new Map((await images().list()).map(({ name, reason }) => [name, reason]));
      assert.equal(reasons.get("pause"), "registry.test does not answer; to be assembled from stand-ins/pause");
      assert.equal(reasons.get("vectors"), "foreign.test does not answer, and no package registry has it");
      assert.equal(reasons.get("database"), undefined);
    });

    it("does not claim to know of a registry that it did not ask", async () => {
      await images().archive(pause, silent);
      const status = (await images({ answering: ["registry.test"] }).list()).find(({ name }) => name === "pause");
      assert.equal(status?.reason, "could not be pulled from registry.test; assembled from stand-ins/pause");
    });

    it("shows a provided file that cannot be used, and still lists the others", async () => {
      writeFileSync(join(root, "provided", "registry.test_pause_1.tar"), "x".repeat(1000));
      const listed = await images({ provided: true }).list();
      const status = listed.find(({ name }) => name === "pause");
      assert.equal(status?.source, "unavailable");
      assert.match(status.reason ?? "", /registry\.test_pause_1\.tar is not a tar archive/);
      assert.equal(listed.length, 4);
    });
  });

  it("what is current is what a request would be answered from", async () => {
    await images().archive(database, silent);
    put("database/Containerfile", `FROM ${debian}\nUSER 999\n`);
    const kept = (await images().current()).map(({ reference }) => reference);
    assert.deepEqual(kept, [debian]);
  });
});
