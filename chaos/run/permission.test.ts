import assert from "node:assert/strict";
import { permit } from "./permission";

describe("permission to hit an environment", () => {
  const windows = { prod: [{ days: ["Tue"], from: "09:00", to: "15:00" }] };
  const tuesday = (time: string) => new Date(`2026-11-24T${time}:00Z`);

  it("is given for one without change windows at any time", () => {
    permit("local", false, tuesday("03:00"), windows);
  });

  it("needs the operator's word and an open window in production", () => {
    permit("prod", true, tuesday("09:00"), windows);
    assert.throws(() => permit("prod", false, tuesday("10:00"), windows), /prod has real users: add --i-know/);
  });

  for (const [when, now] of [
    ["before the window", tuesday("08:59")],
    ["at its end", tuesday("15:00")],
    ["on another day", new Date("2026-11-25T10:00:00Z")],
  ] as const) {
    it(`is refused ${when}, which the error shows`, () => {
      assert.throws(
        () => permit("prod", true, now, windows),
        /prod may be hit in its change window only: Tue 09:00 to 15:00 UTC; it is /,
      );
    });
  }

  it("stands in data for production", () => {
    assert.throws(() => permit("prod", true, new Date("2026-11-28T10:00:00Z")), /change window/);
  });
});
