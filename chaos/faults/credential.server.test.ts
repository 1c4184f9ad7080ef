import assert from "node:assert/strict";
import { skip } from "../../cli/testing/skip";
import { Instance, missing } from "../../local/engine/providers/postgresql/testing/instance";
import { faultSchema, type FaultOf } from "../experiment/schema";
import type { Ground } from "../ground";
import { credentialExpiry } from "./credential";
import type { UndoRecord } from "./fault";
import { FakeApi } from "./testing/api";

const base64 = (fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));

describe("a credential that expires", function () {
  this.timeout(60_000);
  let instance: Instance;
  let api: FakeApi;
  let ground: Ground;
  const password = "secret of the app";

  before(async function () {
    const lacking = missing();
    if (lacking) skip(this, lacking);
    instance = await Instance.start();
    await instance.query(`CREATE ROLE shop_app LOGIN PASSWORD '${password}' VALID UNTIL '2099-12-31 00:00:00+00'`);
    api = await FakeApi.start(({ line }) => {
      switch (line) {
        case "GET /api/v1/namespaces/data/services/postgres":
          return { spec: { ports: [{ port: 5432, nodePort: instance.port }] } };
        case "GET /api/v1/namespaces/data/secrets/superuser":
          return { data: base64({ username: "postgres", password: instance.password }) };
        case "GET /api/v1/namespaces/apps/secrets":
          return {
            items: [
              { data: base64({ username: "shop_app", password: "of something else" }) },
              { data: base64({ username: "shop_app", password, database: "postgres" }) },
            ],
          };
        default:
          return undefined;
      }
    });
    ground = api.ground({
      postgres: {
        kubeconfig: api.kubeconfigFile,
        namespace: "data",
        name: "postgres",
        instances: 1,
        nodeAddress: "127.0.0.1",
        superuserSecret: "superuser",
      },
    });
  });
  after(async () => {
    await api?.close();
    await instance?.remove();
  });

  const faultOf = (role: string) =>
    faultSchema.parse({ kind: "credential-expiry", role }) as FaultOf<"credential-expiry">;
  const strike = async (role: string) => {
    const fault = faultOf(role);
    const victims = await credentialExpiry.choose(fault, ground, () => 0);
    const record = await credentialExpiry.undoRecord(fault, victims, ground);
    const proof = await credentialExpiry.inject(fault, victims, ground, record);
    return { record: JSON.parse(JSON.stringify(record)) as UndoRecord, proof };
  };
  const login = async () => {
    const client = instance.client("shop_app", password);
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  const until = async () =>
    (await instance.query("SELECT rolvaliduntil::text AS date FROM pg_roles WHERE rolname = 'shop_app'"))[0]?.["date"];

  it("ends the role's sessions and its login, and gives both back with the date that it had", async () => {
    const before = await until();
    const open = await login();
    const ended = new Promise((resolve) => open.once("end", resolve));
    const { record, proof } = await strike("shop_app");
    const said = await proof();
    assert.match(said, /^1 sessions of shop_app ended; its login is refused: 28P01/);
    assert.ok(!JSON.stringify([said, record]).includes(password));
    await ended;
    await assert.rejects(login(), /password authentication failed/);
    assert.match(await credentialExpiry.undo(record, ground), /is let in/);
    await (await login()).end();
    assert.equal(await until(), before);
    await credentialExpiry.undo(record, ground);
    assert.equal(await until(), before);
  });

  it("is good for ever again where it had no date", async () => {
    await instance.query("ALTER ROLE shop_app VALID UNTIL 'infinity'");
    const { record, proof } = await strike("shop_app");
    await proof();
    await credentialExpiry.undo(record, ground);
    assert.equal(await until(), "infinity");
  });

  it("is refused for a role that is not there, a superuser, and one whose Secret is out of bounds", async () => {
    await assert.rejects(strike("nobody"), /no role nobody that may log in/);
    await assert.rejects(strike("postgres"), /no role postgres that may log in and is no superuser/);
    await instance.query("CREATE ROLE other LOGIN PASSWORD 'x'");
    await assert.rejects(strike("other"), /no Secret in apps has username other/);
  });
});
