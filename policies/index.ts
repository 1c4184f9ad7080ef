import { PolicyPack } from "@pulumi/policy";
import { getStack } from "@pulumi/pulumi";
import { policies } from "./pack";

new PolicyPack("ballast", {
  displayName: "Ballast",
  description: "What a workload of the Ballast platform must declare before it may run.",
  provider: "kubernetes",
  tags: ["kubernetes", "security", "reliability", "cost"],
  enforcementLevel: "mandatory",
  policies: policies(getStack()),
});
