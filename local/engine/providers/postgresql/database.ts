import type { PropertyMap } from "../../values";
import { diffInputs, type Schema } from "../schema";
import { type Resource, text } from "./resource";
import type { Server, Session } from "./server";
import { identifier, isSuperuser, literal } from "./sql";

const chosenAtCreation = { type: "string", computed: true, replaces: true } as const;

const schema: Schema = {
  name: { type: "string" },
  owner: { type: "string", computed: true },
  template: chosenAtCreation,
  encoding: chosenAtCreation,
  lcCollate: chosenAtCreation,
  lcCtype: chosenAtCreation,
  tablespaceName: { type: "string", computed: true },
  connectionLimit: { type: "integer", default: -1, minimum: -1 },
  allowConnections: { type: "boolean", default: true },
  isTemplate: { type: "boolean", computed: true },
  alterObjectOwnership: { type: "boolean", default: false },
};

const isDefault = (value: string): boolean => value === "" || value.toUpperCase() === "DEFAULT";
const ownerSql = (owner: string): string => (isDefault(owner) ? "CURRENT_USER" : identifier(owner));

function creation(news: PropertyMap): string {
  const parts = [`CREATE DATABASE ${identifier(text(news, "name"))}`];
  const owner = text(news, "owner");
  if (!isDefault(owner)) parts.push(`OWNER ${identifier(owner)}`);
  const template = text(news, "template");
  parts.push(`TEMPLATE ${template === "" ? "template0" : isDefault(template) ? "DEFAULT" : identifier(template)}`);
  const encoding = text(news, "encoding");
  parts.push(`ENCODING ${encoding === "" ? "'UTF8'" : isDefault(encoding) ? "DEFAULT" : literal(encoding)}`);
  for (const [property, word] of [
    ["lcCollate", "LC_COLLATE"],
    ["lcCtype", "LC_CTYPE"],
  ] as const) {
    const value = text(news, property);
    if (!isDefault(value)) parts.push(`${word} ${literal(value)}`);
  }
  const tablespace = text(news, "tablespaceName");
  if (!isDefault(tablespace)) parts.push(`TABLESPACE ${identifier(tablespace)}`);
  parts.push(`ALLOW_CONNECTIONS ${news.allowConnections === true}`);
  parts.push(`CONNECTION LIMIT ${Number(news.connectionLimit)}`);
  parts.push(`IS_TEMPLATE ${news.isTemplate === true}`);
  return parts.join(" ");
}

async function exists(session: Session, name: string): Promise<boolean> {
  return (await session.query("SELECT 1 FROM pg_database WHERE datname = $1", [name])).length > 0;
}

/** Statements about databases stand outside transactions, so a membership that they need is ended even when they fail. */
async function withOwner(session: Session, owner: string, work: () => Promise<void>): Promise<void> {
  if (isDefault(owner) || (await isSuperuser(session))) return work();
  const [row] = await session.query(
    "SELECT pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1",
    [owner],
  );
  if (row?.member !== false) return work();
  await session.query(`GRANT ${identifier(owner)} TO CURRENT_USER`);
  try {
    await work();
  } finally {
    await session.query(`REVOKE ${identifier(owner)} FROM CURRENT_USER`);
  }
}

async function create(server: Server, news: PropertyMap): Promise<void> {
  await server.writeDirectly(server.settings.database, async (session) => {
    if (session.maybeDone && (await exists(session, text(news, "name")))) return;
    await withOwner(session, text(news, "owner"), async () => {
      await session.query(creation(news));
    });
  });
}

async function update(server: Server, olds: PropertyMap, news: PropertyMap): Promise<void> {
  const { detailed } = diffInputs(schema, olds, news);
  const changed = (property: string): boolean => Object.hasOwn(detailed, property);
  const oldName = text(olds, "name");
  const name = text(news, "name");
  if (changed("owner") && news.alterObjectOwnership === true) await reassign(server, oldName, text(news, "owner"));
  if (changed("name")) await server.leave(oldName);
  await server.writeDirectly(server.settings.database, async (session) => {
    const alter = (change: string) => session.query(`ALTER DATABASE ${identifier(name)} ${change}`);
    if (changed("name") && !(session.maybeDone && (await exists(session, name)))) {
      await session.query(`ALTER DATABASE ${identifier(oldName)} RENAME TO ${identifier(name)}`);
    }
    if (changed("owner")) {
      await withOwner(session, text(news, "owner"), async () => {
        await alter(`OWNER TO ${ownerSql(text(news, "owner"))}`);
      });
    }
    if (changed("tablespaceName")) {
      const tablespace = text(news, "tablespaceName");
      await alter(`SET TABLESPACE ${isDefault(tablespace) ? "pg_default" : identifier(tablespace)}`);
    }
    if (changed("connectionLimit")) await alter(`CONNECTION LIMIT ${Number(news.connectionLimit)}`);
    if (changed("allowConnections")) await alter(`ALLOW_CONNECTIONS ${news.allowConnections === true}`);
    if (changed("isTemplate")) await alter(`IS_TEMPLATE ${news.isTemplate === true}`);
  });
}

/** Gives what the database's present owner owns in it to the next one. */
async function reassign(server: Server, database: string, owner: string): Promise<void> {
  await server.write(database, async (session) => {
    const [row] = await session.query(
      `SELECT pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = current_database()`,
    );
    const present = String(row?.owner);
    if (present === owner) return;
    await session.query(`REASSIGN OWNED BY ${identifier(present)} TO ${ownerSql(owner)}`);
  });
}

async function read(server: Server, known: PropertyMap): Promise<PropertyMap | undefined> {
  const name = text(known, "name");
  return server.read(server.settings.database, async (session) => {
    const [row] = await session.query(
      `SELECT pg_get_userbyid(datdba)::text AS owner, pg_encoding_to_char(encoding)::text AS encoding, datcollate::text AS collate,
              datctype::text AS ctype, spcname::text AS tablespace, datconnlimit, datallowconn, datistemplate
         FROM pg_database JOIN pg_tablespace ON pg_tablespace.oid = dattablespace WHERE datname = $1`,
      [name],
    );
    if (!row) return undefined;
    // What the program calls DEFAULT, or spells another way, is no difference.
    const asKnown = (property: string, live: string, same: (left: string, right: string) => boolean): string => {
      const wanted = text(known, property);
      return wanted !== "" && (isDefault(wanted) || same(wanted, live)) ? wanted : live;
    };
    const equal = (left: string, right: string): boolean => left === right;
    return {
      name,
      owner: asKnown("owner", String(row.owner), equal),
      template: text(known, "template") || "template0",
      encoding: asKnown("encoding", String(row.encoding), (left, right) => bare(left) === bare(right)),
      lcCollate: asKnown("lcCollate", String(row.collate), equal),
      lcCtype: asKnown("lcCtype", String(row.ctype), equal),
      tablespaceName: asKnown("tablespaceName", String(row.tablespace), equal),
      connectionLimit: Number(row.datconnlimit),
      allowConnections: row.datallowconn === true,
      isTemplate: row.datistemplate === true,
    };
  });
}

/** `utf-8` and `UTF8` are one encoding. */
const bare = (encoding: string): string => encoding.toUpperCase().replace(/[^A-Z0-9]/g, "");

async function remove(server: Server, known: PropertyMap): Promise<void> {
  const name = text(known, "name");
  await server.leave(name);
  await server.writeDirectly(server.settings.database, async (session) => {
    const [row] = await session.query(
      "SELECT datistemplate, pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = $1",
      [name],
    );
    if (!row) return;
    await withOwner(session, String(row.owner), async () => {
      if (row.datistemplate === true) await session.query(`ALTER DATABASE ${identifier(name)} IS_TEMPLATE false`);
      await session.query(`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
    });
  });
}

export const database: Resource = {
  schema,
  autoName: true,
  id: (properties) => text(properties, "name"),
  parseId: (id) => ({ name: id }),
  create,
  read,
  update,
  delete: remove,
};
