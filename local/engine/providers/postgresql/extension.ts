import type { PropertyMap } from "../../values";
import { diffInputs, type Schema } from "../schema";
import { type Resource, text } from "./resource";
import { databaseOf, parseQualified } from "./schemas";
import { hasCode, type Row, type Server } from "./server";
import { identifier } from "./sql";

const schema: Schema = {
  name: { type: "string", replaces: true },
  schema: { type: "string", computed: true },
  version: { type: "string", computed: true },
  database: { type: "string", computed: true, replaces: true },
  createCascade: { type: "boolean", default: false },
  dropCascade: { type: "boolean", default: false },
};

async function find(server: Server, known: PropertyMap): Promise<Row | undefined> {
  try {
    const [row] = await server.read(databaseOf(known, server), (session) =>
      session.query(
        `SELECT nspname::text AS schema, extversion AS version FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
          WHERE extname = $1`,
        [text(known, "name")],
      ),
    );
    return row;
  } catch (error) {
    if (hasCode(error, "3D000")) return undefined;
    throw error;
  }
}

export const extension: Resource = {
  schema,
  autoName: true,
  id: (properties, server) => `${databaseOf(properties, server)}.${text(properties, "name")}`,
  parseId: (id) => parseQualified(id, "an extension"),

  async create(server, news) {
    const parts = [`CREATE EXTENSION IF NOT EXISTS ${identifier(text(news, "name"))}`];
    if (text(news, "schema") !== "") parts.push(`SCHEMA ${identifier(text(news, "schema"))}`);
    if (text(news, "version") !== "") parts.push(`VERSION ${identifier(text(news, "version"))}`);
    if (news.createCascade === true) parts.push("CASCADE");
    await server.write(databaseOf(news, server), (session) => session.query(parts.join(" ")));
  },

  async read(server, known) {
    const row = await find(server, known);
    if (!row) return undefined;
    const { name } = known;
    return {
      ...(name === undefined ? {} : { name }),
      database: databaseOf(known, server),
      schema: String(row.schema),
      version: String(row.version),
    };
  },

  async update(server, olds, news) {
    const { detailed } = diffInputs(schema, olds, news);
    const name = identifier(text(news, "name"));
    await server.write(databaseOf(news, server), async (session) => {
      if (detailed.schema)
        await session.query(`ALTER EXTENSION ${name} SET SCHEMA ${identifier(text(news, "schema"))}`);
      if (detailed.version)
        await session.query(`ALTER EXTENSION ${name} UPDATE TO ${identifier(text(news, "version"))}`);
    });
  },

  async delete(server, known) {
    if (!(await find(server, known))) return;
    const mode = known.dropCascade === true ? "CASCADE" : "RESTRICT";
    await server.write(databaseOf(known, server), (session) =>
      session.query(`DROP EXTENSION IF EXISTS ${identifier(text(known, "name"))} ${mode}`),
    );
  },
};
