import { Secret, type PropertyMap, type PropertyValue } from "../../values";
import { diffInputs, type Schema } from "../schema";
import { type Resource, text, texts } from "./resource";
import { matchesVerifier, passwordVerifier } from "./scram";
import { hasCode, type Row, type Server, type Session } from "./server";
import { asMemberOf, identifier, literal, silenceLog } from "./sql";

const off = { type: "boolean", default: false } as const;

const schema: Schema = {
  name: { type: "string" },
  login: off,
  superuser: off,
  createDatabase: off,
  createRole: off,
  inherit: { type: "boolean", default: true },
  replication: off,
  bypassRowLevelSecurity: off,
  connectionLimit: { type: "integer", default: -1, minimum: -1 },
  validUntil: { type: "string", default: "infinity" },
  password: { type: "string" },
  passwordWo: { type: "string" },
  passwordWoVersion: { type: "string" },
  encrypted: { type: "string" },
  encryptedPassword: { type: "boolean", default: true },
  roles: { type: "set" },
  searchPaths: { type: "list" },
  statementTimeout: { type: "integer", minimum: 0 },
  idleInTransactionSessionTimeout: { type: "integer", minimum: 0 },
  assumeRole: { type: "string" },
  skipDropRole: off,
  skipReassignOwned: off,
};

/** Attributes that are a word of CREATE and ALTER ROLE. */
const FLAGS: readonly [property: string, column: string, word: string][] = [
  ["login", "rolcanlogin", "LOGIN"],
  ["superuser", "rolsuper", "SUPERUSER"],
  ["createDatabase", "rolcreatedb", "CREATEDB"],
  ["createRole", "rolcreaterole", "CREATEROLE"],
  ["inherit", "rolinherit", "INHERIT"],
  ["replication", "rolreplication", "REPLICATION"],
  ["bypassRowLevelSecurity", "rolbypassrls", "BYPASSRLS"],
];

/** Settings that hold for each of the role's sessions. */
const PARAMETERS: readonly [property: string, parameter: string][] = [
  ["statementTimeout", "statement_timeout"],
  ["idleInTransactionSessionTimeout", "idle_in_transaction_session_timeout"],
  ["assumeRole", "role"],
];

/** In place of a password in state when the server's is another: it differs from whatever the program wants. */
const CHANGED_ON_SERVER = "(changed on the server)";

/** The words for `properties`, or only for those that `changed` names. */
function attributes(properties: PropertyMap, changed: (property: string) => boolean): string[] {
  const words = FLAGS.filter(([property]) => changed(property)).map(([property, , word]) =>
    properties[property] === true ? word : `NO${word}`,
  );
  if (changed("connectionLimit")) words.push(`CONNECTION LIMIT ${Number(properties.connectionLimit)}`);
  if (changed("validUntil")) words.push(`VALID UNTIL ${literal(validUntil(properties))}`);
  if (changed("password") || changed("passwordWoVersion")) {
    const password = text(properties, "passwordWo") || text(properties, "password");
    const none = password === "" || password.toUpperCase() === "NULL";
    words.push(none ? "PASSWORD NULL" : `PASSWORD ${literal(passwordVerifier(password))}`);
  }
  return words;
}

const validUntil = (properties: PropertyMap): string => {
  const value = text(properties, "validUntil");
  return value === "" || value.toUpperCase() === "NULL" ? "infinity" : value;
};

async function setParameters(session: Session, properties: PropertyMap, changed: (property: string) => boolean) {
  const role = identifier(text(properties, "name"));
  for (const [property, parameter] of PARAMETERS) {
    if (!changed(property)) continue;
    const value = property === "assumeRole" ? text(properties, property) : Number(properties[property] ?? 0);
    const reset = value === 0 || value === "";
    await session.query(
      `ALTER ROLE ${role} ${reset ? `RESET ${parameter}` : `SET ${parameter} TO ${literal(String(value))}`}`,
    );
  }
  if (changed("searchPaths")) {
    const paths = texts(properties, "searchPaths").map(identifier);
    await session.query(
      `ALTER ROLE ${role} ${paths.length === 0 ? "RESET search_path" : `SET search_path TO ${paths.join(", ")}`}`,
    );
  }
}

async function setMemberships(session: Session, properties: PropertyMap): Promise<void> {
  const name = text(properties, "name");
  const [row] = await session.query(`SELECT ${MEMBERSHIPS} AS roles FROM pg_roles WHERE rolname = $1`, [name]);
  const have = (row?.roles ?? []) as string[];
  const want = texts(properties, "roles");
  for (const role of have.filter((each) => !want.includes(each))) {
    await session.query(`REVOKE ${identifier(role)} FROM ${identifier(name)}`);
  }
  for (const role of want.filter((each) => !have.includes(each))) {
    await session.query(`GRANT ${identifier(role)} TO ${identifier(name)}`);
  }
}

const MEMBERSHIPS = `ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid ORDER BY 1)`;
const all = (): boolean => true;

async function exists(session: Session, name: string): Promise<boolean> {
  return (await session.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [name])).length > 0;
}

async function create(server: Server, news: PropertyMap): Promise<void> {
  const name = text(news, "name");
  const given = (property: string): boolean => news[property] !== undefined;
  await server.write(server.settings.database, async (session) => {
    await silenceLog(session);
    const verb = session.maybeDone && (await exists(session, name)) ? "ALTER" : "CREATE";
    await session.query(`${verb} ROLE ${identifier(name)} WITH ${attributes(news, given).join(" ")}`);
    if (texts(news, "roles").length > 0) await setMemberships(session, news);
    await setParameters(session, news, verb === "ALTER" ? all : given);
  });
}

async function update(server: Server, olds: PropertyMap, news: PropertyMap): Promise<void> {
  const { detailed } = diffInputs(schema, olds, news);
  const changed = (property: string): boolean => Object.hasOwn(detailed, property);
  const name = identifier(text(news, "name"));
  await server.write(server.settings.database, async (session) => {
    await silenceLog(session);
    if (changed("name") && !(session.maybeDone && (await exists(session, text(news, "name"))))) {
      await session.query(`ALTER ROLE ${identifier(text(olds, "name"))} RENAME TO ${name}`);
    }
    // An MD5 password is salted with the name, so the server forgets it on renaming.
    const passwordToo = (property: string): boolean =>
      changed(property) || (property === "password" && changed("name"));
    const hasPassword = news.password !== undefined || news.passwordWo !== undefined || changed("password");
    const words = attributes(news, (property) =>
      property === "password" ? hasPassword && passwordToo(property) : changed(property),
    );
    if (words.length > 0) await session.query(`ALTER ROLE ${name} WITH ${words.join(" ")}`);
    if (changed("roles")) await setMemberships(session, news);
    await setParameters(session, news, changed);
  });
}

async function read(server: Server, known: PropertyMap): Promise<PropertyMap | undefined> {
  const name = text(known, "name");
  return server.read(server.settings.database, async (session) => {
    const [row] = await session.query(
      `SELECT ${FLAGS.map(([, column]) => column).join(", ")}, rolconnlimit, ${MEMBERSHIPS} AS roles, rolconfig::text[] AS config,
              COALESCE(rolvaliduntil, 'infinity')::text AS until,
              COALESCE(rolvaliduntil, 'infinity') = $2::timestamptz AS until_as_known
         FROM pg_roles WHERE rolname = $1`,
      [name, validUntil(known)],
    );
    if (!row) return undefined;
    const live: PropertyMap = {
      ...Object.fromEntries(FLAGS.map(([property, column]) => [property, row[column] === true])),
      name,
      connectionLimit: Number(row.rolconnlimit),
      validUntil: row.until_as_known === true ? text(known, "validUntil") || "infinity" : String(row.until),
      roles: row.roles as string[],
      ...liveParameters(row),
    };
    const password = text(known, "password");
    if (password !== "" && !(await passwordHolds(server, session, name, password))) {
      live.password = new Secret(CHANGED_ON_SERVER);
    }
    return live;
  });
}

function liveParameters(row: Row): PropertyMap {
  const config = new Map(
    ((row.config ?? []) as string[]).map((entry): [string, string] => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
  const live: Record<string, PropertyValue> = { searchPaths: splitIdentifiers(config.get("search_path") ?? "") };
  for (const [property, parameter] of PARAMETERS) {
    const value = config.get(parameter);
    if (property === "assumeRole") live[property] = value ?? "";
    else live[property] = value === undefined ? 0 : milliseconds(value);
  }
  return live;
}

/** `a, "B c"` to its names. */
function splitIdentifiers(list: string): string[] {
  return [...list.matchAll(/"((?:[^"]|"")*)"|([^",\s]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "",
  );
}

/** The server may hold a timeout as `30s`; a bare number is in milliseconds. */
function milliseconds(value: string): number {
  const [, amount, unit] = /^\s*(\d+)\s*(ms|s|min|h|d)?\s*$/.exec(value) ?? [];
  const factor = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? "ms"] ?? 1;
  return Number(amount ?? 0) * factor;
}

/** True when it cannot be told: only superusers may read verifiers. */
async function passwordHolds(server: Server, session: Session, role: string, password: string): Promise<boolean> {
  if (!server.settings.superuser) return true;
  try {
    const [row] = await session.query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [role]);
    const stored = row?.rolpassword;
    if (password.toUpperCase() === "NULL") return stored === null;
    return typeof stored === "string" && matchesVerifier(password, stored, role);
  } catch (error) {
    if (hasCode(error, "42501")) return true;
    throw error;
  }
}

async function remove(server: Server, known: PropertyMap): Promise<void> {
  const name = text(known, "name");
  await server.write(server.settings.database, async (session) => {
    if (!(await exists(session, name))) return;
    const role = identifier(name);
    if (known.skipReassignOwned !== true) {
      await asMemberOf(session, [name], async () => {
        await session.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
        await session.query(`DROP OWNED BY ${role}`);
      });
    }
    if (known.skipDropRole !== true) await session.query(`DROP ROLE IF EXISTS ${role}`);
  });
}

export const role: Resource = {
  schema,
  autoName: true,
  unwatched: ["passwordWo"],
  validate(inputs) {
    if (inputs.password !== undefined && inputs.passwordWo !== undefined) {
      return { property: "password", reason: "conflicts with passwordWo; give one of them" };
    }
    if ((inputs.passwordWo === undefined) !== (inputs.passwordWoVersion === undefined)) {
      return {
        property: "passwordWo",
        reason: "needs passwordWoVersion, and the other way round: its change is what sets the password",
      };
    }
    return undefined;
  },
  id: (properties) => text(properties, "name"),
  parseId: (id) => ({ name: id }),
  create,
  read,
  update,
  delete: remove,
};
