import { expect, read } from "./api";
import { one } from "./data";

export default function derivedStatus(): void {
  expect(read(`/tasks/${one().task}/status`, "GET /tasks/:id/status"), 200, "status_derived");
}
