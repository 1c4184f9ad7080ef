import { expect, read } from "./api";
import { one } from "./data";

export default function readTask(): void {
  expect(read(`/tasks/${one().task}`, "GET /tasks/:id"), 200, "policy_version");
}
