import { check } from "k6";
import http from "k6/http";
import { target } from "../k6/shared/plan";

export default function get(): void {
  check(http.get(`${target("edge").url}/`), { "answers 200": ({ status }) => status === 200 });
}
