import assert from "node:assert/strict";
import routes from "./routes.json";
import { routeTable } from "./table";

describe("the edge's routes", () => {
  const edited = (edit: (table: typeof routes) => void) => {
    const table = structuredClone(routes);
    edit(table);
    return () => routeTable(table);
  };

  it("have the limits that the documents ask for", () => {
    const { limits, resilience, routes: rows } = routeTable();
    const limitOf = (path: string) => limits[rows.find(({ prefixes }) => prefixes.includes(path))?.limit ?? ""];
    assert.deepEqual(limitOf("/auth"), { requests: 10, per: "minute" });
    assert.deepEqual(limitOf("/api/v1/auth"), { requests: 10, per: "minute" });
    assert.deepEqual(limitOf("/api"), { requests: 100, per: "minute" });
    assert.deepEqual(limitOf("/api/v1"), { requests: 100, per: "minute" });
    assert.deepEqual(
      [resilience.timeoutSeconds, resilience.retries, resilience.failuresToOpen, resilience.openSeconds],
      [30, 3, 5, 30],
    );
  });

  it("are refused with the key, the value and what would be right", () => {
    const [first] = routes.routes;
    assert.ok(first);
    const cases: readonly [edit: (table: typeof routes) => void, message: RegExp][] = [
      [
        (table) => Object.assign(table.routes[1] ?? {}, { limit: "none" }),
        /routes\.json: routes\.1\.limit: none is not one of limits \(auth, api, other\)/,
      ],
      [
        (table) => table.routes[2]?.prefixes.push("/auth"),
        /routes\.2\.prefixes: \/auth is one of route auth, too; a path has one route/,
      ],
      [(table) => table.routes[2]?.prefixes.push("/x/"), /routes\.2\.prefixes\.1: must be a path such as \/api\/v1/],
      [
        (table) => Object.assign(table.routes[3] ?? {}, { name: "auth" }),
        /routes\.3\.name: auth is another route's name/,
      ],
      [(table) => Object.assign(table.limits.auth, { requests: 0 }), /limits\.auth\.requests: .*>=1/],
      [(table) => Object.assign(table, { extra: 1 }), /the table: .*extra/],
    ];
    for (const [edit, message] of cases) assert.throws(edited(edit), message);
  });
});
