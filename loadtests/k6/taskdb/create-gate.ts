import { iterationNumbers } from "../shared/random";
import { expect, write } from "./api";
import { newGate, one } from "./data";

export default function createGate(): void {
  const next = iterationNumbers();
  expect(write("POST", `/runs/${one(next).run}/gates`, "POST /runs/:id/gates", newGate(next)), 201, "run_id");
}
