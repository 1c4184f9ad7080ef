import { Secret } from "@pulumi/kubernetes/core/v1/secret";
import { Role } from "@pulumi/kubernetes/rbac/v1/role";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/roleBinding";
import type * as pulumi from "@pulumi/pulumi";
import { RandomPassword } from "@pulumi/random/randomPassword";
import { stateObjects } from "./patroni";

/** A PostgreSQL user, its password, and the Secret of the cluster that holds both under `username` and `password`. */
export interface Credentials {
  readonly username: string;
  readonly password: pulumi.Output<string>;
  readonly secretName: string;
  /** The Secret itself, to be waited for. */
  readonly secret: Secret;
}

export interface CredentialsArgs {
  readonly username: string;
  readonly namespace: string;
  readonly secretName: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * What else a client needs to connect, beside the two; not secret.
   * @default none
   */
  readonly details?: Readonly<Record<string, pulumi.Input<string>>>;
}

/** A generated password in a Secret of its own, so that each consumer is given only what is its. */
export function credentials(name: string, args: CredentialsArgs, options: pulumi.CustomResourceOptions): Credentials {
  const { result: password } = new RandomPassword(name, { length: 32, special: false }, options);
  const secret = new Secret(
    name,
    {
      metadata: { name: args.secretName, namespace: args.namespace, labels: args.labels },
      type: "Opaque",
      stringData: { username: args.username, password, ...args.details },
    },
    options,
  );
  return { username: args.username, password, secretName: args.secretName, secret };
}

export interface PatroniRightsArgs {
  readonly scope: string;
  readonly namespace: string;
  readonly serviceAccountName: string;
  readonly instances: number;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What a member may do in the API server: Patroni keeps its state in the cluster's own Endpoints, and its status on the cluster's own
 * pods; the guard gets a token of this same account that outlives the pod's. Names cannot narrow `create`, `list` and `watch`; those
 * stay within the namespace.
 */
export function patroniRights(
  name: string,
  args: PatroniRightsArgs,
  options: pulumi.CustomResourceOptions,
): RoleBinding {
  const { scope, namespace } = args;
  const metadata = { name: scope, namespace, labels: args.labels };
  const state = [scope, ...stateObjects(scope)];
  const pods = Array.from({ length: args.instances }, (_, ordinal) => `${scope}-${ordinal}`);
  const write = ["get", "patch", "update"];
  const role = new Role(
    name,
    {
      metadata,
      rules: [
        { apiGroups: [""], resources: ["endpoints"], verbs: write, resourceNames: state },
        { apiGroups: [""], resources: ["endpoints"], verbs: ["create", "list", "watch"] },
        { apiGroups: [""], resources: ["pods"], verbs: write, resourceNames: pods },
        { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
        {
          apiGroups: [""],
          resources: ["serviceaccounts/token"],
          verbs: ["create"],
          resourceNames: [args.serviceAccountName],
        },
      ],
    },
    options,
  );
  return new RoleBinding(
    name,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: scope },
      subjects: [{ kind: "ServiceAccount", name: args.serviceAccountName, namespace }],
    },
    { ...options, dependsOn: [role] },
  );
}
