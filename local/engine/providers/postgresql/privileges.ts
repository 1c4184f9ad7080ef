import type { CheckFailure } from "../../provider";
import type { PropertyMap } from "../../values";
import { sameSet } from "./resource";

const routine = ["EXECUTE"];
const usage = ["USAGE"];

/** Privileges by object type; `ALL` stands for the whole row. */
const PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  database: ["CREATE", "CONNECT", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
  column: ["SELECT", "INSERT", "UPDATE", "REFERENCES"],
  sequence: ["USAGE", "SELECT", "UPDATE"],
  function: routine,
  procedure: routine,
  routine,
  type: usage,
  foreign_data_wrapper: usage,
  foreign_server: usage,
};

/** Known to servers from version 17 only, so never part of `ALL` when read back. */
const NEWER: Readonly<Record<string, readonly string[]>> = { table: ["MAINTAIN"] };

/** The names that the server's catalogue uses: upper case, no synonyms. */
export function normalPrivileges(privileges: readonly string[]): string[] {
  const names = privileges.map((privilege) => privilege.trim().toUpperCase());
  return [...new Set(names.map((name) => (name === "TEMP" ? "TEMPORARY" : name === "ALL PRIVILEGES" ? "ALL" : name)))];
}

/** What is wrong with the privileges of a Grant or DefaultPrivileges; inputs may hold unknowns. */
export function checkPrivileges(inputs: PropertyMap): CheckFailure | undefined {
  const { objectType, privileges } = inputs;
  if (typeof objectType !== "string" || !Array.isArray(privileges)) return undefined;
  const allowed = ["ALL", ...(PRIVILEGES[objectType] ?? []), ...(NEWER[objectType] ?? [])];
  const known = normalPrivileges(privileges.filter((privilege) => typeof privilege === "string"));
  const wrong = known.filter((privilege) => !allowed.includes(privilege));
  if (wrong.length === 0) return undefined;
  return {
    property: "privileges",
    reason: `${wrong.join(", ")} cannot be granted on a ${objectType}; possible are ${allowed.join(", ")}`,
  };
}

/** Whether `live`, as the catalogue has it, is what `wanted` asks for. */
export function privilegesHold(objectType: string, wanted: readonly string[], live: readonly string[]): boolean {
  const names = normalPrivileges(wanted);
  const newer = NEWER[objectType] ?? [];
  if (!names.includes("ALL")) return sameSet(names, live);
  return sameSet(
    PRIVILEGES[objectType] ?? [],
    live.filter((privilege) => !newer.includes(privilege)),
  );
}
