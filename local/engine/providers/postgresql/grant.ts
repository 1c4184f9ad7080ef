import type { CheckFailure } from "../../provider";
import { hasUnknown, type PropertyMap } from "../../values";
import type { Schema } from "../schema";
import { checkPrivileges, normalPrivileges, privilegesHold } from "./privileges";
import { type Resource, text, texts } from "./resource";
import { hasCode, type Row, type Server, type Session } from "./server";
import { asMemberOf, grantee, identifier } from "./sql";

const OBJECT_TYPES = [
  "database",
  "schema",
  "table",
  "sequence",
  "function",
  "procedure",
  "routine",
  "foreign_data_wrapper",
  "foreign_server",
  "column",
] as const;

const fixed = { type: "string", required: true, replaces: true } as const;
const fixedSet = { type: "set", replaces: true } as const;

const schema: Schema = {
  role: fixed,
  database: fixed,
  schema: { type: "string", replaces: true },
  objectType: { ...fixed, oneOf: OBJECT_TYPES },
  objects: fixedSet,
  columns: fixedSet,
  privileges: { type: "set", required: true },
  withGrantOption: { type: "boolean", default: false, replaces: true },
};

const foreign = (type: string): boolean => type.startsWith("foreign_");
const inNoSchema = (type: string): boolean => type === "database" || foreign(type);

function validate(inputs: PropertyMap): CheckFailure | undefined {
  const { objectType: type, schema: schemaName, objects, columns, privileges } = inputs;
  if (typeof type !== "string") return undefined;
  const count = (list: typeof objects): number | undefined =>
    list === undefined ? 0 : Array.isArray(list) && !hasUnknown(list) ? list.length : undefined;
  const fail = (property: string, reason: string): CheckFailure => ({ property, reason });
  if (!inNoSchema(type) && (schemaName === undefined || schemaName === "")) {
    return fail("schema", `is required when objectType is ${type}`);
  }
  if ((type === "database" || type === "schema") && count(objects)) {
    return fail("objects", `cannot be given when objectType is ${type}`);
  }
  if ((foreign(type) || type === "column") && count(objects) !== undefined && count(objects) !== 1) {
    return fail("objects", `must have exactly one element when objectType is ${type}`);
  }
  if (type === "column" && count(columns) === 0) return fail("columns", "is required when objectType is column");
  if (type !== "column" && count(columns)) return fail("columns", "can be given only when objectType is column");
  if (type === "column" && count(privileges) !== undefined && count(privileges) !== 1) {
    return fail("privileges", "must have exactly one element when objectType is column");
  }
  return checkPrivileges(inputs);
}

/** What the privileges are on, as GRANT and REVOKE write it after ON. */
function target(grant: PropertyMap): string {
  const type = text(grant, "objectType");
  const schemaName = text(grant, "schema");
  const objects = texts(grant, "objects");
  switch (type) {
    case "database":
      return `DATABASE ${identifier(text(grant, "database"))}`;
    case "schema":
      return `SCHEMA ${identifier(schemaName)}`;
    case "foreign_data_wrapper":
      return `FOREIGN DATA WRAPPER ${identifier(objects[0] ?? "")}`;
    case "foreign_server":
      return `FOREIGN SERVER ${identifier(objects[0] ?? "")}`;
    case "column":
      return `TABLE ${identifier(schemaName)}.${identifier(objects[0] ?? "")}`;
    default: {
      const word = type.toUpperCase();
      if (objects.length === 0) return `ALL ${word}S IN SCHEMA ${identifier(schemaName)}`;
      return `${word} ${objects.map((name) => `${identifier(schemaName)}.${objectName(type, name)}`).join(", ")}`;
    }
  }
}

/** A routine may be named with its argument types, which overloaded ones need: `area(integer, integer)`. */
function objectName(type: string, name: string): string {
  const [, bare, args] = /^([^(]+)\(([\w\s,.[\]"]*)\)$/.exec(name) ?? [];
  if (["function", "procedure", "routine"].includes(type) && bare !== undefined) return `${identifier(bare)}(${args})`;
  return identifier(name);
}

function privilegeList(grant: PropertyMap): string {
  const names = normalPrivileges(texts(grant, "privileges")).join(", ");
  if (text(grant, "objectType") !== "column") return names;
  return `${names} (${texts(grant, "columns").map(identifier).join(", ")})`;
}

/** What `grant` may have given. On tables by name only that: column privileges of the same role are another resource's. */
function revocation(grant: PropertyMap): string | undefined {
  const type = text(grant, "objectType");
  const named = texts(grant, "objects").length > 0 && !foreign(type);
  const precise = type === "column" || (named && texts(grant, "privileges").length > 0);
  if (type === "column" && texts(grant, "privileges").length === 0) return undefined;
  return `REVOKE ${precise ? privilegeList(grant) : "ALL PRIVILEGES"} ON ${target(grant)} FROM ${grantee(text(grant, "role"))}`;
}

/** Owners whose rights a user who is no superuser needs. */
async function owners(session: Session, grant: PropertyMap): Promise<string[]> {
  if (inNoSchema(text(grant, "objectType"))) return [];
  const rows = await session.query(
    `SELECT pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace WHERE nspname = $1
      UNION SELECT pg_get_userbyid(relowner)::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE nspname = $1 AND $2`,
    [text(grant, "schema"), text(grant, "objectType") !== "schema"],
  );
  return rows.map(({ owner }) => String(owner)).filter((owner) => owner !== "pg_database_owner");
}

async function apply(server: Server, old: PropertyMap | undefined, news: PropertyMap): Promise<void> {
  await server.write(text(news, "database"), async (session) => {
    await asMemberOf(session, await owners(session, news), async () => {
      // Both in one transaction, so that the role is never without what it keeps.
      const revoke = revocation(old ?? news);
      if (revoke !== undefined) await session.query(revoke);
      if (texts(news, "privileges").length === 0) return;
      const option = news.withGrantOption === true ? " WITH GRANT OPTION" : "";
      await session.query(`GRANT ${privilegeList(news)} ON ${target(news)} TO ${grantee(text(news, "role"))}${option}`);
    });
  });
}

/** One row an object: its privileges for the role. A list that was never changed reads as the server's default one. */
function readQuery(type: string): string {
  const of = (list: string): string =>
    `ARRAY(SELECT DISTINCT privilege_type FROM aclexplode(${list}) WHERE grantee = $1) AS privileges,
     COALESCE((SELECT bool_and(is_grantable) FROM aclexplode(${list}) WHERE grantee = $1), true) AS grantable`;
  switch (type) {
    case "database":
      return `SELECT datname::text AS name, ${of("COALESCE(datacl, acldefault('d', datdba))")} FROM pg_database
               WHERE datname = current_database() AND $2::text IS NOT NULL`;
    case "schema":
      return `SELECT nspname::text AS name, ${of("COALESCE(nspacl, acldefault('n', nspowner))")} FROM pg_namespace WHERE nspname = $2`;
    case "foreign_data_wrapper":
      return `SELECT fdwname::text AS name, ${of("COALESCE(fdwacl, acldefault('F', fdwowner))")} FROM pg_foreign_data_wrapper
               WHERE $2::text IS NOT NULL`;
    case "foreign_server":
      return `SELECT srvname::text AS name, ${of("COALESCE(srvacl, acldefault('S', srvowner))")} FROM pg_foreign_server
               WHERE $2::text IS NOT NULL`;
    case "function":
    case "procedure":
    case "routine": {
      const kinds = { function: "'f','a','w'", procedure: "'p'", routine: "'f','a','w','p'" }[type];
      return `SELECT proname::text AS name, proname || '(' || oidvectortypes(proargtypes) || ')' AS signature,
                     ${of("COALESCE(proacl, acldefault('f', proowner))")}
                FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE nspname = $2 AND prokind IN (${kinds})`;
    }
    case "sequence":
      return `SELECT relname::text AS name, ${of("COALESCE(relacl, acldefault('s', relowner))")}
                FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $2 AND relkind = 'S'`;
    default:
      return `SELECT relname::text AS name, ${of("COALESCE(relacl, acldefault('r', relowner))")}
                FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
               WHERE nspname = $2 AND relkind IN ('r', 'p', 'v', 'm', 'f')`;
  }
}

const COLUMN_QUERY = `
  SELECT attname::text AS name, ARRAY(SELECT DISTINCT privilege_type FROM aclexplode(attacl) WHERE grantee = $1) AS privileges,
         COALESCE((SELECT bool_and(is_grantable) FROM aclexplode(attacl) WHERE grantee = $1), true) AS grantable
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
   WHERE nspname = $2 AND relname = $3 AND attnum > 0 AND NOT attisdropped`;

/** 0 for everyone; undefined when there is no such role. */
export async function roleOid(session: Session, role: string): Promise<number | undefined> {
  if (grantee(role) === "PUBLIC") return 0;
  const [row] = await session.query("SELECT oid::int8::text AS oid FROM pg_roles WHERE rolname = $1", [role]);
  return row === undefined ? undefined : Number(row.oid);
}

async function readObjects(session: Session, known: PropertyMap, oid: number): Promise<Row[]> {
  const type = text(known, "objectType");
  const objects = texts(known, "objects");
  if (type === "column") {
    const columns = texts(known, "columns");
    const rows = await session.query(COLUMN_QUERY, [oid, text(known, "schema"), objects[0] ?? ""]);
    const wanted = normalPrivileges(texts(known, "privileges"));
    // One column may have other privileges from other resources.
    return rows
      .filter(({ name }) => columns.includes(String(name)))
      .map((row) => ({
        ...row,
        privileges: (row.privileges as string[]).filter((privilege) => wanted.includes(privilege)),
      }));
  }
  const rows = await session.query(readQuery(type), [oid, text(known, "schema")]);
  if (objects.length === 0) return rows;
  const spaceless = (name: unknown): string => String(name).replace(/\s+/g, "");
  const names = new Set(objects.map(spaceless));
  return rows.filter(({ name, signature }) => names.has(spaceless(name)) || names.has(spaceless(signature)));
}

async function read(server: Server, known: PropertyMap): Promise<PropertyMap | undefined> {
  const type = text(known, "objectType");
  const wanted = texts(known, "privileges");
  try {
    return await server.read(text(known, "database"), async (session) => {
      const oid = await roleOid(session, text(known, "role"));
      if (oid === undefined) return undefined;
      if (!inNoSchema(type)) {
        const rows = await session.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [text(known, "schema")]);
        if (rows.length === 0) return undefined;
      }
      const rows = await readObjects(session, known, oid);
      const drifted = rows.find((row) => !privilegesHold(type, wanted, row.privileges as string[]));
      const grantable = rows.every((row) => row.grantable === true);
      return {
        ...known,
        privileges: drifted === undefined ? wanted : (drifted.privileges as string[]),
        withGrantOption: known.withGrantOption === true && (drifted !== undefined || grantable),
      };
    });
  } catch (error) {
    if (hasCode(error, "3D000")) return undefined;
    throw error;
  }
}

export const grant: Resource = {
  schema,
  validate,
  id(properties) {
    const type = text(properties, "objectType");
    const parts = [text(properties, "role"), text(properties, "database")];
    if (!inNoSchema(type)) parts.push(text(properties, "schema"));
    return [...parts, type, ...texts(properties, "objects"), ...texts(properties, "columns")].join("_");
  },
  create: (server, news) => apply(server, undefined, news),
  read,
  update: apply,

  async delete(server, known) {
    try {
      await server.write(text(known, "database"), async (session) => {
        if ((await roleOid(session, text(known, "role"))) === undefined) return;
        const revoke = revocation(known);
        if (revoke === undefined) return;
        await asMemberOf(session, await owners(session, known), () => session.query(revoke));
      });
    } catch (error) {
      // The database, schema, table, column, function or other object is gone, and the privileges with it.
      if (!hasCode(error, "3D000", "3F000", "42P01", "42703", "42883", "42704")) throw error;
    }
  },
};
