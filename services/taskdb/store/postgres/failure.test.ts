import assert from "node:assert/strict";
import { DatabaseError } from "pg";
import { type Failure, classify, isConnectionLost, unavailable } from "./failure";

const server = (code: string) => Object.assign(new DatabaseError("message of the server", 1, "error"), { code });
const network = (code: string, syscall = "read") => Object.assign(new Error(`${syscall} ${code}`), { code, syscall });

describe("failures of PostgreSQL", () => {
  const cases: [string, Error, Failure, keep: boolean][] = [
    ["starting", server("57P03"), "not-done", true],
    ["read-only after a failover", server("25006"), "not-done", false],
    ["too many connections", server("53300"), "not-done", true],
    ["an expired password", server("28P01"), "not-done", true],
    ["terminated by an administrator", server("57P01"), "unknown", false],
    ["crashed", server("57P02"), "unknown", false],
    ["connection failure", server("08006"), "unknown", false],
    ["statement timeout", server("57014"), "overload", true],
    ["lock timeout", server("55P03"), "overload", true],
    ["deadlock", server("40P01"), "conflict", true],
    ["serialization", server("40001"), "conflict", true],
    ["unique violation", server("23505"), "statement", true],
    ["syntax", server("42601"), "statement", true],
    ["refused", network("ECONNREFUSED", "connect"), "not-done", false],
    ["every address refused", new AggregateError([network("ECONNREFUSED", "connect")]), "not-done", false],
    ["no such host", network("ENOTFOUND", "getaddrinfo"), "not-done", false],
    ["time-out while connecting", network("ETIMEDOUT", "connect"), "not-done", false],
    ["reset while reading", network("ECONNRESET"), "unknown", false],
    ["broken while writing", network("EPIPE", "write"), "unknown", false],
    ["the pool is full", new Error("timeout exceeded when trying to connect"), "overload", false],
    ["no answer in time", new Error("Query read timeout"), "unknown", false],
    ["cut off", new Error("Connection terminated unexpectedly"), "unknown", false],
    ["a mistake of ours", new TypeError("x is not a function"), "statement", true],
  ];
  for (const [name, error, failure, keep] of cases) {
    it(`${name}: ${failure}, the connection is ${keep ? "kept" : "dropped"}`, () => {
      assert.equal(classify(error), failure);
      assert.equal(isConnectionLost(error), !keep);
      const told = unavailable(error);
      assert.equal(told === undefined, failure === "statement");
      if (told) {
        assert.equal(told.indeterminate, failure === "unknown");
        assert.equal(told.cause, error);
      }
    });
  }
});
