import type { PropertyMap } from "../../values";
import type { Schema } from "../schema";
import { roleOid } from "./grant";
import { checkPrivileges, normalPrivileges, privilegesHold } from "./privileges";
import { type Resource, text, texts } from "./resource";
import { hasCode, type Server } from "./server";
import { asMemberOf, grantee, identifier } from "./sql";

/** Letters of `pg_default_acl`, and of `acldefault` where it differs. */
const LETTERS: Readonly<Record<string, [own: string, builtIn: string]>> = {
  table: ["r", "r"],
  sequence: ["S", "s"],
  function: ["f", "f"],
  routine: ["f", "f"],
  type: ["T", "T"],
  schema: ["n", "n"],
};

const fixed = { type: "string", required: true, replaces: true } as const;

const schema: Schema = {
  role: fixed,
  database: fixed,
  owner: fixed,
  schema: { type: "string", replaces: true },
  objectType: { ...fixed, oneOf: Object.keys(LETTERS) },
  privileges: { type: "set", required: true },
  withGrantOption: { type: "boolean", default: false, replaces: true },
};

function alter(properties: PropertyMap, change: string): string {
  const schemaName = text(properties, "schema");
  const inSchema = schemaName === "" ? "" : ` IN SCHEMA ${identifier(schemaName)}`;
  return `ALTER DEFAULT PRIVILEGES FOR ROLE ${identifier(text(properties, "owner"))}${inSchema} ${change}`;
}

function revocation(properties: PropertyMap): string {
  const objects = `${text(properties, "objectType").toUpperCase()}S`;
  return alter(properties, `REVOKE ALL ON ${objects} FROM ${grantee(text(properties, "role"))}`);
}

async function apply(server: Server, news: PropertyMap): Promise<void> {
  await server.write(text(news, "database"), async (session) => {
    await asMemberOf(session, [text(news, "owner")], async () => {
      await session.query(revocation(news));
      const privileges = normalPrivileges(texts(news, "privileges"));
      if (privileges.length === 0) return;
      const objects = `${text(news, "objectType").toUpperCase()}S`;
      const option = news.withGrantOption === true ? " WITH GRANT OPTION" : "";
      await session.query(
        alter(news, `GRANT ${privileges.join(", ")} ON ${objects} TO ${grantee(text(news, "role"))}${option}`),
      );
    });
  });
}

async function read(server: Server, known: PropertyMap): Promise<PropertyMap | undefined> {
  const type = text(known, "objectType");
  const schemaName = text(known, "schema");
  const [own, builtIn] = LETTERS[type] ?? ["", ""];
  try {
    return await server.read(text(known, "database"), async (session) => {
      const role = await roleOid(session, text(known, "role"));
      const owner = await roleOid(session, text(known, "owner"));
      if (role === undefined || owner === undefined) return undefined;
      const [row] = await session.query(
        `SELECT defaclacl IS NULL AS none, ARRAY(SELECT DISTINCT privilege_type FROM aclexplode(acl) WHERE grantee = $1) AS privileges
           FROM (SELECT 1) AS one
           LEFT JOIN pg_default_acl ON defaclrole = $2::oid AND defaclobjtype = $3
                AND defaclnamespace = COALESCE((SELECT oid FROM pg_namespace WHERE nspname = $4), 0),
           LATERAL (SELECT COALESCE(defaclacl, CASE WHEN $4 = '' THEN acldefault($5::"char", $2::oid) END) AS acl) AS list`,
        [role, owner, own, schemaName, builtIn],
      );
      const live = (row?.privileges ?? []) as string[];
      const wanted = texts(known, "privileges");
      if (live.length === 0 && wanted.length > 0) return undefined;
      return { ...known, privileges: privilegesHold(type, wanted, live) ? wanted : live };
    });
  } catch (error) {
    if (hasCode(error, "3D000")) return undefined;
    throw error;
  }
}

export const defaultPrivileges: Resource = {
  schema,
  validate(inputs) {
    if (inputs.objectType === "schema" && inputs.schema !== undefined && inputs.schema !== "") {
      return { property: "schema", reason: "cannot be given when objectType is schema" };
    }
    if (inputs.withGrantOption === true && typeof inputs.role === "string" && grantee(inputs.role) === "PUBLIC") {
      return { property: "withGrantOption", reason: "cannot be true when role is public" };
    }
    return checkPrivileges(inputs);
  },
  id: (properties) =>
    ["role", "database", "schema", "owner", "objectType"].map((key) => text(properties, key) || "noschema").join("_"),
  create: apply,
  read,
  update: (server, _olds, news) => apply(server, news),

  async delete(server, known) {
    try {
      await server.write(text(known, "database"), async (session) => {
        const present = [await roleOid(session, text(known, "role")), await roleOid(session, text(known, "owner"))];
        if (present.includes(undefined)) return;
        await asMemberOf(session, [text(known, "owner")], () => session.query(revocation(known)));
      });
    } catch (error) {
      // The database or the schema is gone, and the default privileges with it.
      if (!hasCode(error, "3D000", "3F000")) throw error;
    }
  },
};
