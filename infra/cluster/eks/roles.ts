import { Role } from "@pulumi/aws/iam/role";
import { RolePolicy } from "@pulumi/aws/iam/rolePolicy";
import { RolePolicyAttachment } from "@pulumi/aws/iam/rolePolicyAttachment";
import type * as pulumi from "@pulumi/pulumi";

/** Who may take on a role. */
export type Trusted = "eks.amazonaws.com" | "ec2.amazonaws.com" | "pods.eks.amazonaws.com";

export interface ServiceRoleArgs {
  readonly trusted: Trusted;
  /** Names of AWS' own policies. @default none */
  readonly managed?: readonly string[];
  /** What else the role may do, by statement. @default none */
  readonly statements?: readonly Statement[];
}

export interface Statement {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** @default none */
  readonly condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const version = "2012-10-17";

/** A role with exactly what is named. */
export function serviceRole(name: string, args: ServiceRoleArgs, options: pulumi.CustomResourceOptions): Role {
  // A pod's identity is tagged with its namespace and account on the way in.
  const actions = args.trusted === "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"];
  const trust = { Effect: "Allow", Principal: { Service: args.trusted }, Action: actions };
  const role = new Role(name, { assumeRolePolicy: JSON.stringify({ Version: version, Statement: [trust] }) }, options);
  const child = { ...options, parent: role };
  for (const policy of args.managed ?? []) {
    new RolePolicyAttachment(
      `${name}-${policy}`,
      { role: role.name, policyArn: `arn:aws:iam::aws:policy/${policy}` },
      child,
    );
  }
  if (args.statements) {
    const statements = args.statements.map(({ actions: Action, resources: Resource, condition: Condition }) => ({
      Effect: "Allow",
      Action,
      Resource,
      ...(Condition && { Condition }),
    }));
    new RolePolicy(
      name,
      { role: role.name, policy: JSON.stringify({ Version: version, Statement: statements }) },
      child,
    );
  }
  return role;
}
