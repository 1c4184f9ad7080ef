import { iterationNumbers } from "../shared/random";
import { expect, write } from "./api";
import { newTask } from "./data";

export default function createTask(): void {
  expect(write("POST", "/tasks", "POST /tasks", newTask(iterationNumbers())), 201, "updated_at");
}
