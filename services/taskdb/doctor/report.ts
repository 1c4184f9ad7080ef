import { z } from "zod";

export const check = z.strictObject({
  name: z.string(),
  status: z.enum(["pass", "warn", "fail"]),
  /** What was found, and of how much. */
  detail: z.string(),
  /** What to do; null when it passes. */
  fix: z.string().nullable(),
});
export const doctorReport = z.strictObject({
  generated_at: z.string(),
  backend: z.enum(["postgres", "sqlite"]),
  /** Whether all rows were looked at, however many there are. */
  full: z.boolean(),
  summary: z.strictObject({
    system_health: z.enum(["excellent", "degraded", "critical"]),
    pass: z.int().nonnegative(),
    warn: z.int().nonnegative(),
    fail: z.int().nonnegative(),
    /** Rows and events whose other half is missing. */
    orphans: z.int().nonnegative(),
  }),
  checks: z.array(check),
});
export type Check = z.infer<typeof check>;
export type DoctorReport = z.infer<typeof doctorReport>;

/** The one rule: what fails has been lost or may be; what warns has not, but would be by the next fault. */
export function healthOf(checks: readonly Pick<Check, "status">[]): DoctorReport["summary"]["system_health"] {
  if (checks.some(({ status }) => status === "fail")) return "critical";
  return checks.some(({ status }) => status === "warn") ? "degraded" : "excellent";
}
