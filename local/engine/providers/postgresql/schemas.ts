import { isMap, type PropertyMap } from "../../values";
import { diffInputs, type Schema } from "../schema";
import { type Resource, text } from "./resource";
import { hasCode, type Server, type Session } from "./server";
import { asMemberOf, grantee, identifier } from "./sql";

const schema: Schema = {
  name: { type: "string" },
  database: { type: "string", computed: true, replaces: true },
  owner: { type: "string", computed: true },
  ifNotExists: { type: "boolean", default: true },
  dropCascade: { type: "boolean", default: false },
  policies: { type: "objects", computed: true },
};

/** The database that a property names, or else the provider's. */
export const databaseOf = (properties: PropertyMap, server: Server): string =>
  text(properties, "database") || server.settings.database;

/** `database.name`, as ids of schemas and extensions are. */
export function parseQualified(id: string, what: string): PropertyMap {
  const [database, name, ...more] = id.split(".");
  if (!database || !name || more.length > 0) throw new Error(`the id of ${what} is database.name, not "${id}"`);
  return { database, name };
}

async function ownerOf(session: Session, name: string): Promise<string | undefined> {
  const [row] = await session.query(
    "SELECT pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace WHERE nspname = $1",
    [name],
  );
  return row === undefined ? undefined : String(row.owner);
}

async function databaseOwner(session: Session): Promise<string> {
  const [row] = await session.query(
    "SELECT pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = current_database()",
  );
  return String(row?.owner);
}

type Policy = { role: string; create: boolean; createWithGrant: boolean; usage: boolean; usageWithGrant: boolean };

function policiesOf(properties: PropertyMap): Policy[] {
  const list = Array.isArray(properties.policies) ? properties.policies : [];
  return list.filter(isMap).map((policy) => ({
    role: text(policy, "role") || "public",
    create: policy.create === true,
    createWithGrant: policy.createWithGrant === true,
    usage: policy.usage === true,
    usageWithGrant: policy.usageWithGrant === true,
  }));
}

async function applyPolicies(session: Session, name: string, olds: PropertyMap, news: PropertyMap): Promise<void> {
  for (const { role } of policiesOf(olds)) {
    if (
      grantee(role) !== "PUBLIC" &&
      (await session.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role])).length === 0
    ) {
      continue;
    }
    await session.query(`REVOKE ALL PRIVILEGES ON SCHEMA ${identifier(name)} FROM ${grantee(role)}`);
  }
  for (const policy of policiesOf(news)) {
    const grants: [boolean, string, string][] = [
      [policy.create, "CREATE", ""],
      [policy.createWithGrant, "CREATE", " WITH GRANT OPTION"],
      [policy.usage, "USAGE", ""],
      [policy.usageWithGrant, "USAGE", " WITH GRANT OPTION"],
    ];
    for (const [wanted, privilege, option] of grants) {
      if (wanted)
        await session.query(`GRANT ${privilege} ON SCHEMA ${identifier(name)} TO ${grantee(policy.role)}${option}`);
    }
  }
}

export const schemas: Resource = {
  schema,
  autoName: true,
  id: (properties, server) => `${databaseOf(properties, server)}.${text(properties, "name")}`,
  parseId: (id) => parseQualified(id, "a schema"),

  async create(server, news) {
    const name = text(news, "name");
    const owner = text(news, "owner");
    await server.write(databaseOf(news, server), async (session) => {
      const present = await ownerOf(session, name);
      const roles = [await databaseOwner(session), present ?? "", owner].filter((role) => role !== "");
      await asMemberOf(session, roles, async () => {
        if (present === undefined || (news.ifNotExists === false && !session.maybeDone)) {
          await session.query(
            `CREATE SCHEMA ${identifier(name)}${owner === "" ? "" : ` AUTHORIZATION ${identifier(owner)}`}`,
          );
        } else if (owner !== "" && owner !== present) {
          await session.query(`ALTER SCHEMA ${identifier(name)} OWNER TO ${identifier(owner)}`);
        }
        await applyPolicies(session, name, {}, news);
      });
    });
  },

  async read(server, known) {
    const database = databaseOf(known, server);
    const name = text(known, "name");
    try {
      const owner = await server.read(database, (session) => ownerOf(session, name));
      return owner === undefined ? undefined : { name, database, owner };
    } catch (error) {
      if (hasCode(error, "3D000")) return undefined;
      throw error;
    }
  },

  async update(server, olds, news) {
    const { detailed } = diffInputs(schema, olds, news);
    const oldName = text(olds, "name");
    const name = text(news, "name");
    await server.write(databaseOf(news, server), async (session) => {
      const present = await ownerOf(session, oldName);
      const roles = [await databaseOwner(session), present ?? "", text(news, "owner")].filter((role) => role !== "");
      await asMemberOf(session, roles, async () => {
        if (detailed.name && present !== undefined) {
          await session.query(`ALTER SCHEMA ${identifier(oldName)} RENAME TO ${identifier(name)}`);
        }
        if (detailed.owner) {
          await session.query(`ALTER SCHEMA ${identifier(name)} OWNER TO ${identifier(text(news, "owner"))}`);
        }
        if (detailed.policies) await applyPolicies(session, name, olds, news);
      });
    });
  },

  async delete(server, known) {
    const name = text(known, "name");
    try {
      await server.write(databaseOf(known, server), async (session) => {
        const owner = await ownerOf(session, name);
        if (owner === undefined) return;
        await asMemberOf(session, [owner], async () => {
          await session.query(
            `DROP SCHEMA IF EXISTS ${identifier(name)} ${known.dropCascade === true ? "CASCADE" : "RESTRICT"}`,
          );
        });
      });
    } catch (error) {
      if (!hasCode(error, "3D000")) throw error;
    }
  },
};
