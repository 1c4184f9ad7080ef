import { expect, read } from "./api";

export default function listTasks(): void {
  expect(read("/tasks?limit=50", "GET /tasks"), 200, "next");
}
