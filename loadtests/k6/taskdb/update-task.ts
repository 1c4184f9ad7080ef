import { iterationNumbers, pick } from "../shared/random";
import { expect, write } from "./api";
import { one } from "./data";

export default function updateTask(): void {
  const next = iterationNumbers();
  const { task } = one(next);
  const status = pick(next, ["pending", "in_progress", "completed"]);
  expect(write("PATCH", `/tasks/${task}`, "PATCH /tasks/:id", { status }), 200, "updated_at");
}
