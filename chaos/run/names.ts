import type { Victim } from "../faults/fault";

/** A victim as a journal names it. */
export function victimName(victim: Victim): string {
  switch (victim.kind) {
    case "pod":
      return `pod ${victim.namespace}/${victim.name} (${victim.uid}) on ${victim.node}`;
    case "node":
      return `node ${victim.name}${victim.from === undefined ? "" : ` from ${victim.from}`}`;
    case "workload":
      return `${victim.of} ${victim.namespace}/${victim.name}`;
    case "service":
      return `service ${victim.namespace}/${victim.name}:${victim.port}`;
    case "role":
      return `role ${victim.name}`;
    case "control-plane":
      return "the API server";
  }
}
