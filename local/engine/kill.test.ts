import assert from "node:assert/strict";
import path from "node:path";
import { exportState, outputs } from ".";
import { Kills } from "./testing/kills";
import { TestProject } from "./testing/project";

const program = `
  import { RandomPassword } from "@pulumi/random/randomPassword";
  import { RandomPet } from "@pulumi/random/randomPet";
  const password = new RandomPassword("password", { length: 12 });
  export const pets = [0, 1, 2, 3].map((i) => new RandomPet("pet-" + i, { keepers: { after: password.id } }).id);
  export const secret = password.result;
`;

describe("kill -9 of the engine", function () {
  this.timeout(120_000);
  let project: TestProject;
  const kills = new Kills(() => project);

  beforeEach(() => {
    project = new TestProject({ name: "killed-random", program });
  });
  afterEach(() => {
    kills.end();
    project.remove();
  });

  it("random: what was recorded stays as it is, what was not is drawn anew, and nothing is left open", async () => {
    const moment = await kills.killed("up", 12);
    const drawn = await outputs({ ...project.options(), showSecrets: true }).catch(() => ({}));
    assert.deepEqual(drawn, {}, moment);
    await kills.succeeds("up", moment);
    const { secret, pets } = await outputs({ ...project.options(), showSecrets: true });
    assert.deepEqual([String(secret).length, (pets as unknown[]).length], [12, 4], moment);
    const { deployment } = await exportState(project.options());
    assert.deepEqual(
      [deployment.pending_operations, (deployment.resources as unknown[]).length],
      [undefined, 7],
      moment,
    );
  });

  it("takes with it a program that waits for something else than the engine", async () => {
    const started = path.join(project.folder, "started");
    project.write(`
      import { writeFileSync } from "node:fs";
      export = async () => {
        writeFileSync(${JSON.stringify(started)}, "");
        await new Promise(() => setInterval(() => undefined, 1000));
      };
    `);
    await kills.killedWhenThereIs(started);
  });

  it("takes with it a program that has not been told to begin", async () => {
    await kills.killedWhenThereIs(path.join(project.folder, "asked"), { asks: true });
    await kills.succeeds("up", "killed while it asked");
  });
});
