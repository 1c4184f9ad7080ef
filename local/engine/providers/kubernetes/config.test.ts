import assert from "node:assert/strict";

import { UNKNOWN, type PropertyMap } from "../../values";
import { checkConfig, diffConfig, settingsOf } from "./config";

const kubeconfig = (server: string, token: string): string =>
  JSON.stringify({
    "current-context": "a",
    clusters: [{ name: "a", cluster: { server } }],
    users: [{ name: "a", user: { token } }],
    contexts: [
      { name: "a", context: { cluster: "a", user: "a" } },
      { name: "b", context: { cluster: "a", user: "a", namespace: "b" } },
    ],
  });

describe("settings of the kubernetes provider", () => {
  const reasons = async (inputs: PropertyMap): Promise<string[]> =>
    (await checkConfig(inputs)).failures.map(({ property, reason }) => `${property} ${reason}`);

  it("takes what the SDK sends, JSON in text included", async () => {
    const inputs = {
      context: "a",
      enablePatchForce: "true",
      enableServerSideApply: "true",
      deleteUnreachable: "false",
    };
    assert.deepEqual(await reasons(inputs), []);
    const settings = settingsOf(inputs);
    assert.deepEqual([settings.context, settings.enablePatchForce, settings.deleteUnreachable], ["a", true, false]);
    assert.deepEqual(await reasons({ kubeconfig: UNKNOWN, namespace: UNKNOWN }), []);
  });

  it("refuses what it does not have or understand, and says what is right", async () => {
    assert.match((await reasons({ enableServerSideApply: "false" })).join(), /only has server-side apply/);
    assert.match((await reasons({ renderYamlToDirectory: "out" })).join(), /use the Pulumi CLI/);
    assert.match((await reasons({ suppressDeprecationWarnings: "yes" })).join(), /must be true or false, is "yes"/);
    assert.match((await reasons({ namespace: 3 })).join(), /must be text, is 3/);
    assert.match((await reasons({ kubeConfig: "x" })).join(), /is no setting .* it has kubeconfig, /);
  });

  it("replaces nothing for renewed credentials, another context of the same cluster or a file that is gone", async () => {
    const old = { kubeconfig: kubeconfig("https://one:6443", "t1") };
    const renewed = await diffConfig(old, { kubeconfig: kubeconfig("https://one:6443", "t2") });
    assert.deepEqual(renewed, { changed: true, replaceKeys: [], detailed: { kubeconfig: "update" } });
    assert.deepEqual((await diffConfig(old, { ...old, context: "b" })).replaceKeys, []);
    assert.deepEqual((await diffConfig({ kubeconfig: "/gone/kubeconfig" }, old)).replaceKeys, []);
    assert.equal((await diffConfig(old, old)).changed, false);
  });

  it("replaces for another server", async () => {
    const diff = await diffConfig(
      { kubeconfig: kubeconfig("https://one:6443", "t") },
      { kubeconfig: kubeconfig("https://two:6443", "t") },
    );
    assert.deepEqual([diff.replaceKeys, diff.detailed], [["kubeconfig"], { kubeconfig: "update-replace" }]);
  });

  it("with a clusterIdentifier only that decides", async () => {
    const [one, two] = [kubeconfig("https://one:6443", "t"), kubeconfig("https://two:6443", "t")];
    const same = await diffConfig(
      { clusterIdentifier: "x", kubeconfig: one },
      { clusterIdentifier: "x", kubeconfig: two },
    );
    assert.deepEqual(same.replaceKeys, []);
    const other = await diffConfig(
      { clusterIdentifier: "x", kubeconfig: one },
      { clusterIdentifier: "y", kubeconfig: one },
    );
    assert.deepEqual(other.replaceKeys, ["clusterIdentifier"]);
  });
});
