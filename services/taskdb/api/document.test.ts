import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { generated } from "../client/write";
import { taskDbClient } from "../client/client";
import { TestApi } from "./testing/api";

describe("taskdb: the OpenAPI document", function () {
  this.timeout(60_000);

  it("is committed as the API describes itself, with the client's types that come from it", async () => {
    for (const [path, text] of Object.entries(await generated())) {
      const name = relative(process.cwd(), path);
      assert.equal(readFileSync(path, "utf8"), text, `${name} is stale: run "npx tsx services/taskdb/client/write.ts"`);
    }
  });

  it("gives a client that knows paths, bodies and answers", async () => {
    const api = await TestApi.open();
    const client = taskDbClient({ baseUrl: await api.app.listen({ host: "127.0.0.1", port: 0 }) });
    const { data: task } = await client.POST("/api/v1/tasks", { body: { title: "Typed", policy_version: "1.1.0" } });
    assert.ok(task);
    const { data: status } = await client.GET("/api/v1/tasks/{id}/status", { params: { path: { id: task.id } } });
    assert.equal(status?.status_derived, "pending");
    const { error } = await client.GET("/api/v1/runs/{id}", { params: { path: { id: task.id } } });
    assert.equal(error?.status, 404);
    await api.close();
  });
});
