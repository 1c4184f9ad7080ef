import { iterationNumbers } from "../shared/random";
import { expect, write } from "./api";
import { newRun, one } from "./data";

export default function createRun(): void {
  const next = iterationNumbers();
  expect(write("POST", `/tasks/${one(next).task}/runs`, "POST /tasks/:id/runs", newRun(next)), 201, "task_id");
}
