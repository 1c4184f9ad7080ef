import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { Authenticator } from "./credentials";
import { resolveConnection } from "./kubeconfig";

const config = (more: object = {}): string =>
  JSON.stringify({
    "current-context": "a",
    clusters: [{ name: "a", cluster: { server: "https://a:6443/", "certificate-authority": "ca.pem" } }],
    users: [{ name: "a", user: { token: "s3cret" } }],
    contexts: [{ name: "a", context: { cluster: "a", user: "a", namespace: "team" } }],
    ...more,
  });

describe("kubeconfig", () => {
  let folder: string;
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    await file("ca.pem", "CA");
  });
  after(() => rm(folder, { recursive: true }));

  it("reads server, authority (beside the file), namespace and user from a path", async () => {
    const connection = resolveConnection({ kubeconfig: await file("config", config()) });
    assert.deepEqual(
      [connection.server, connection.tls.ca, connection.namespace, connection.user.token],
      ["https://a:6443", "CA", "team", "s3cret"],
    );
  });

  it("merges the files of KUBECONFIG, the first that sets a name wins", async () => {
    const one = await file("one", config());
    const two = await file(
      "two",
      config({
        "current-context": "b",
        clusters: [{ name: "a", cluster: { server: "https://x" } }],
        contexts: [{ name: "b", context: { cluster: "a", user: "a" } }],
      }),
    );
    const env = { KUBECONFIG: [one, two, join(folder, "absent")].join(delimiter) };
    assert.equal(resolveConnection({}, env).context, "a");
    const other = resolveConnection({ context: "b" }, env);
    assert.deepEqual([other.server, other.context], ["https://a:6443", "b"]);
  });

  it("names file, value and what there is when something is missing", async () => {
    const path = await file("config", config());
    assert.throws(
      () => resolveConnection({ kubeconfig: path, context: "b" }),
      /config: has no context "b"; it has "a"/,
    );
    assert.throws(() => resolveConnection({ kubeconfig: join(folder, "no") }), /no does not exist; set KUBECONFIG/);
    assert.throws(() => resolveConnection({}, { KUBECONFIG: join(folder, "no") }), /does not exist/);
    const broken = config({ clusters: [{ name: "a", cluster: { server: "a:6443" } }] }).replace(
      '"a:6443"',
      '"nonsense"',
    );
    assert.throws(
      () => resolveConnection({ kubeconfig: broken }),
      /cluster "a" has the server "nonsense", which is no URL/,
    );
    const noAuthority = config({
      clusters: [{ name: "a", cluster: { server: "https://a", "certificate-authority": "/gone.pem" } }],
    });
    assert.throws(
      () => resolveConnection({ kubeconfig: noAuthority }),
      /certificate-authority "\/gone.pem" cannot be read/,
    );
    const legacy = config({ users: [{ name: "a", user: { "auth-provider": { name: "gcp" } } }] }).replace(
      '"ca.pem"',
      '""',
    );
    assert.throws(() => resolveConnection({ kubeconfig: legacy }), /auth-provider was removed/);
  });

  it("does not quote a broken file, which may hold a token", async () => {
    const path = await file("broken", "users:\n- user: {token: s3cret\n  x: [");
    assert.throws(
      () => resolveConnection({ kubeconfig: path }),
      (error: Error) => /not valid YAML/.test(error.message) && !error.message.includes("s3cret"),
    );
  });

  it("runs exec plugins, and says how to get one that is missing", async () => {
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: "from-plugin" },
    };
    const plugin = await file("plugin", `#!/bin/sh\n[ "$REGION" = north ] && echo '${JSON.stringify(credential)}'\n`);
    await chmod(plugin, 0o755);
    const exec = { command: plugin, args: [], env: [{ name: "REGION", value: "north" }] };
    const withExec = (user: object): string => config({ users: [{ name: "a", user: { exec: user } }] });
    const connect = async (user: object): Promise<Authenticator> =>
      new Authenticator(resolveConnection({ kubeconfig: await file("exec", withExec(user)) }));
    const { headers } = await (await connect(exec)).access();
    assert.equal(headers["Authorization"], "Bearer from-plugin");
    const absent = await connect({ command: "no-such-plugin", installHint: "Install it by hand." });
    await assert.rejects(absent.access(), /"no-such-plugin" is not installed\. Install it by hand\./);
  });
});
