import { conformance } from "../conformance";
import { openDatabase } from "../database";
import { migrate } from "../migrate";
import { createStore } from "../open";

describe("store on SQLite", () => {
  conformance(async () => {
    const database = await openDatabase({ backend: "sqlite", path: ":memory:" });
    await migrate(database, "up");
    return createStore(database);
  });
});
