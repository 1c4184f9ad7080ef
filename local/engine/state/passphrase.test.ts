import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { localPassphrase, passphraseFromEnvironment } from "./passphrase";

describe("a passphrase", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "ballast-passphrase-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("comes from the variable, else from the file that the other variable names", async () => {
    const file = join(folder, "phrase");
    await writeFile(file, " from file\n");
    const both = { PULUMI_CONFIG_PASSPHRASE: "", PULUMI_CONFIG_PASSPHRASE_FILE: file };
    assert.equal(await passphraseFromEnvironment(both), "");
    assert.equal(await passphraseFromEnvironment({ PULUMI_CONFIG_PASSPHRASE_FILE: file }), "from file");
    assert.equal(await passphraseFromEnvironment({}), undefined);
    await assert.rejects(
      passphraseFromEnvironment({ PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "none") }),
      /PULUMI_CONFIG_PASSPHRASE_FILE names .*none, which cannot be read/,
    );
  });

  it("of this machine is made once, for its owner's eyes only, even by several at once", async () => {
    const file = join(folder, "ballast", "passphrase");
    const phrases = await Promise.all([1, 2, 3].map(() => localPassphrase(file)));
    assert.equal(new Set(phrases).size, 1);
    assert.ok((phrases[0]?.length ?? 0) >= 32);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(dirname(file)), ["passphrase"]);
    assert.equal(await localPassphrase(file), (await readFile(file, "utf8")).trim());
  });
});
