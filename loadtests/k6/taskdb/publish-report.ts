import { iterationNumbers } from "../shared/random";
import { expect, write } from "./api";
import { one } from "./data";

export default function publishReport(): void {
  const { task, run } = one(iterationNumbers());
  const body = { title: "Load report", claims: [`task_id:${task}`, `run_id:${run}`] };
  expect(write("POST", "/reports", "POST /reports", body), 201, "verification_snapshot_ts");
}
