import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostSecrets } from "./secrets";

describe("what a build is told of this machine", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-secrets-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is pip's index from its files and the environment, which has the last word, and the authorities", async () => {
    const authority = join(folder, "ca.crt");
    const file = join(folder, "host-pip.conf");
    writeFileSync(authority, "certificate");
    writeFileSync(
      file,
      "[global]\nindex-url = https://index.test/simple\nextra-index-url =\n  https://a.test\n  https://b.test\ncert = /host/ca\n",
    );
    const secrets = await hostSecrets(
      folder,
      { SSL_CERT_FILE: authority, PIP_INDEX_URL: "https://user:word@mirror.test" },
      [file],
    );
    assert.equal(secrets["ca.pem"], authority);
    const path = secrets["pip.conf"] ?? "";
    assert.equal(
      readFileSync(path, "utf8"),
      "[global]\ncert = /run/secrets/ca.pem\nindex-url = https://user:word@mirror.test\nextra-index-url = https://a.test\n    https://b.test\n",
    );
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
