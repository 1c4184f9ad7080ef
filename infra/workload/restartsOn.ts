import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** The pods' annotation that changes, and so replaces them, with whatever they read only at their start. */
export function restartsOn(parts: readonly pulumi.Input<string>[]): Record<string, pulumi.Output<string>> {
  const digest = (texts: readonly string[]) =>
    createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 16);
  return { "ballast.dev/restarts-on": pulumi.all([...parts]).apply(digest) };
}
