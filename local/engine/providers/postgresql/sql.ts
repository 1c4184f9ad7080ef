import { escapeIdentifier, escapeLiteral } from "pg";
import type { Session } from "./server";

export { escapeIdentifier as identifier, escapeLiteral as literal };

/** A role as a grantee: `public` is everyone, not a role of that name. */
export const grantee = (role: string): string => (role.toLowerCase() === "public" ? "PUBLIC" : escapeIdentifier(role));

export async function isSuperuser(session: Session): Promise<boolean> {
  const [row] = await session.query("SELECT current_setting('is_superuser') = 'on' AS yes");
  return row?.yes === true;
}

/**
 * Runs `work` as a member of `roles`, which changing their objects takes when we are no superuser, and ends the membership
 * afterwards if it began it.
 */
export async function asMemberOf<T>(session: Session, roles: readonly string[], work: () => Promise<T>): Promise<T> {
  if (roles.length === 0 || (await isSuperuser(session))) return work();
  const rows = await session.query(
    "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1::text[]) AND NOT pg_has_role(current_user, oid, 'MEMBER')",
    [roles],
  );
  const joined = rows.map(({ name }) => escapeIdentifier(String(name)));
  for (const role of joined) await session.query(`GRANT ${role} TO CURRENT_USER`);
  const result = await work();
  for (const role of joined) await session.query(`REVOKE ${role} FROM CURRENT_USER`);
  return result;
}

/** Keeps the statements of this transaction out of the server's log and statistics, where we may. */
export async function silenceLog(session: Session): Promise<void> {
  await session.query(
    `SELECT set_config(name, value, true)
       FROM (VALUES ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic'),
                    ('pg_stat_statements.track_utility', 'off')) AS quiet (name, value)
      WHERE current_setting('is_superuser') = 'on'`,
  );
}
