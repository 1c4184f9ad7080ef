import type { Schema } from "../schema";
import { type Resource, text } from "./resource";
import type { Session } from "./server";
import { identifier } from "./sql";

const fixed = { type: "string", required: true, replaces: true } as const;

const schema: Schema = {
  role: fixed,
  grantRole: fixed,
  withAdminOption: { type: "boolean", default: false, replaces: true },
};

async function rolesExist(session: Session, names: string[]): Promise<boolean> {
  const rows = await session.query("SELECT 1 FROM pg_roles WHERE rolname = ANY($1::text[])", [names]);
  return rows.length === new Set(names).size;
}

/** Membership of `role` in `grantRole`. */
export const grantRole: Resource = {
  schema,
  id: (properties) =>
    `${text(properties, "role")}_${text(properties, "grantRole")}_${properties.withAdminOption === true}`,

  async create(server, news) {
    const member = identifier(text(news, "role"));
    const group = identifier(text(news, "grantRole"));
    await server.write(server.settings.database, async (session) => {
      await session.query(`REVOKE ${group} FROM ${member}`);
      await session.query(`GRANT ${group} TO ${member}${news.withAdminOption === true ? " WITH ADMIN OPTION" : ""}`);
    });
  },

  async read(server, known) {
    const [row] = await server.read(server.settings.database, (session) =>
      session.query(
        `SELECT bool_or(admin_option) AS admin FROM pg_auth_members
          WHERE pg_get_userbyid(member) = $1 AND pg_get_userbyid(roleid) = $2 GROUP BY member`,
        [text(known, "role"), text(known, "grantRole")],
      ),
    );
    return (
      row && { role: text(known, "role"), grantRole: text(known, "grantRole"), withAdminOption: row.admin === true }
    );
  },

  /** Every change replaces. */
  async update() {},

  async delete(server, known) {
    const names = [text(known, "grantRole"), text(known, "role")];
    await server.write(server.settings.database, async (session) => {
      if (!(await rolesExist(session, names))) return;
      await session.query(`REVOKE ${names.map(identifier).join(" FROM ")}`);
    });
  },
};
