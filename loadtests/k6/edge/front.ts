import { check } from "k6";
import http from "k6/http";
import { target } from "../shared/plan";

export default function front(): void {
  const answer = http.get(`${target("edge").url}/`, { tags: { name: "GET /" } });
  check(answer, { "answers 200": ({ status }) => status === 200 });
}
