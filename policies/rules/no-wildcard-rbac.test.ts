import assert from "node:assert/strict";
import { resource, run } from "../testing";
import { noWildcardRbac as rule } from "./no-wildcard-rbac";

const role = (...rules: unknown[]) =>
  resource("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", { metadata: { name: "web" }, rules });
const binding = (name: string, subject: string) =>
  resource("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", {
    metadata: { name: "web" },
    roleRef: { kind: "ClusterRole", name },
    subjects: [{ kind: "Group", name: subject }],
  });

describe("policy no-wildcard-rbac", () => {
  it("passes roles that list what they allow", async () => {
    const resources = [
      role({ apiGroups: [""], resources: ["pods"], verbs: ["get"] }, { nonResourceURLs: ["/metrics"], verbs: ["get"] }),
      binding("view", "operators"),
    ];
    assert.deepEqual(await run(rule, resources), { violations: [], notes: [] });
  });

  it("names each wildcard, and verbs that give any right", async () => {
    const all = { apiGroups: ["*"], resources: ["*"], verbs: ["*", "escalate"] };
    const { violations } = await run(rule, [role({ apiGroups: [""], resources: ["pods"], verbs: ["get"] }, all)]);
    assert.deepEqual(
      violations.map((each) => each.slice(0, 52)),
      [
        "ClusterRole web: rules.1.apiGroups is '*', which als",
        "ClusterRole web: rules.1.resources is '*', which als",
        "ClusterRole web: rules.1.verbs is '*', which also gr",
        "ClusterRole web: rules.1.verbs holds 'escalate', wit",
      ],
    );
  });

  it("refuses cluster-admin, and a binding to almost anybody", async () => {
    assert.match((await run(rule, [binding("cluster-admin", "ops")])).violations[0] ?? "", /roleRef is cluster-admin/);
    assert.match((await run(rule, [binding("view", "system:authenticated")])).violations[0] ?? "", /almost anybody/);
  });
});
