import { DatabaseError, escapeIdentifier, escapeLiteral, type Client } from "pg";
import type { Ground } from "../ground";
import { Members } from "../postgres/members";
import { close, connect, patient, type Target } from "../postgres/writer";
import { until } from "../until";
import { NoVictim, type FaultDriver, type Victim } from "./fault";

const seenWithin = 50;
/** PostgreSQL's code for a login that is refused, for a wrong password and for one that is past its time. */
const refusedLogin = "28P01";
/** A role whose password never ends has no date, or this one; there is no statement that takes a date away. */
const never = "infinity";

const roleOf = (victims: readonly Victim[]): string => {
  const found = victims.find((victim) => victim.kind === "role");
  if (!found) throw new NoVictim("no role was chosen");
  return found.name;
};

/** The primary's Service, and the superuser's account there. */
function administration({ postgres }: Ground): Promise<Target> {
  if (!postgres) throw new Error("the stack's Postgres cannot be reached from here");
  return new Members(postgres).target();
}

async function asSuperuser<T>(ground: Ground, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(await administration(ground), patient);
  try {
    return await work(client);
  } finally {
    await close(client);
  }
}

/** Until when the role's password is good; undefined when there is no role of that name that may log in. */
async function validUntil(role: string, client: Client): Promise<string | undefined> {
  const { rows } = await client.query<{ until: string }>(
    "SELECT coalesce(rolvaliduntil::text, $2) AS until FROM pg_roles WHERE rolname = $1 AND rolcanlogin AND NOT rolsuper",
    [role, never],
  );
  return rows[0]?.until;
}

/** The role's own account, from the Secret that its clients read. */
async function accountOf(role: string, ground: Ground): Promise<Target> {
  for (const namespace of ground.limits.namespaces) {
    const { items } = await ground.core.listNamespacedSecret({ namespace });
    for (const { data = {} } of items) {
      const field = (key: string) => Buffer.from(data[key] ?? "", "base64").toString();
      if (field("username") !== role || field("database") === "") continue;
      return {
        ...(await administration(ground)),
        user: role,
        password: field("password"),
        database: field("database"),
      };
    }
  }
  throw new NoVictim(
    `no Secret in ${ground.limits.namespaces.join(", ")} has username ${role} and a database; add its namespace to limits.namespaces`,
  );
}

/** @returns the server's refusal, or undefined when the role was let in */
async function login(account: Target): Promise<string | undefined> {
  try {
    await close(await connect(account, patient));
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === refusedLogin) return `${error.code} ${error.message}`;
    throw error;
  }
}

/** Its password is past its time from now on, and its sessions are ended. */
export const credentialExpiry: FaultDriver<"credential-expiry"> = {
  kind: "credential-expiry",
  possible: ({ postgres }) => postgres !== undefined || "the stack's Postgres cannot be reached from here",
  async choose({ role }, ground) {
    if ((await asSuperuser(ground, (client) => validUntil(role, client))) === undefined)
      throw new NoVictim(`Postgres has no role ${role} that may log in and is no superuser`);
    const refused = await login(await accountOf(role, ground));
    if (refused !== undefined) throw new NoVictim(`role ${role} cannot log in as it is: ${refused}`);
    return [{ kind: "role", name: role }];
  },
  undoRecord: async ({ role }, victims, ground) => ({
    fault: "credential-expiry",
    victims,
    details: { until: (await asSuperuser(ground, (client) => validUntil(role, client))) ?? never },
  }),
  async inject({ role }, _victims, ground) {
    const ended = await asSuperuser(ground, async (client) => {
      await client.query(`ALTER ROLE ${escapeIdentifier(role)} VALID UNTIL '-infinity'`);
      const { rowCount } = await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1",
        [role],
      );
      return rowCount ?? 0;
    });
    return async () => {
      const account = await accountOf(role, ground);
      let refusal: string | undefined;
      await until(async () => (refusal = await login(account)) !== undefined, {
        seconds: seenWithin,
        signal: ground.signal,
        otherwise: () => `role ${role} is still let in`,
      });
      return `${ended} sessions of ${role} ended; its login is refused: ${refusal}`;
    };
  },
  async undo({ victims, details }, ground) {
    const role = roleOf(victims);
    const date = String(details["until"] ?? never);
    await asSuperuser(ground, (client) =>
      client.query(`ALTER ROLE ${escapeIdentifier(role)} VALID UNTIL ${escapeLiteral(date)}`),
    );
    const account = await accountOf(role, ground);
    let refusal: string | undefined;
    await until(async () => (refusal = await login(account)) === undefined, {
      seconds: seenWithin,
      signal: new AbortController().signal,
      otherwise: () => `role ${role} is still refused: ${refusal}`,
    });
    return `role ${role} is valid until ${date} again, and is let in`;
  },
};
