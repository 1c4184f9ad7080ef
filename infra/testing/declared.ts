import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

/** A resource as the program declared it. */
export interface Declared {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** It is somebody else's, and only looked at. */
  readonly read: boolean;
}

/** A stack's values as Pulumi hands them to the program: without the project's prefix, mappings as JSON. */
export function stackValues(stack: string): Record<string, string> {
  const file = join(__dirname, "../../stacks", `Pulumi.${stack}.yaml`);
  const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.replace("ballast:", ""),
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** Takes the engine's place: resources get their inputs back as outputs. Returns the list that fills as they are declared. */
export function mockEngine(stack: string): Declared[] {
  const declared: Declared[] = [];
  const values = Object.entries(stackValues(stack)).map(([key, value]) => [`ballast:${key}`, value] as const);
  pulumi.runtime.setAllConfig(Object.fromEntries(values));
  void pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        const own = inputs as Record<string, unknown>;
        declared.push({ type, name, inputs: own, read: Boolean(id) });
        return { id: id || name, state: { ...own, ...computed(type, name) } };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "ballast",
    stack,
    false,
  );
  return declared;
}

/** What a provider alone would know, as far as programs look at it. */
function computed(type: string, name: string): Record<string, unknown> {
  switch (type) {
    case "random:index/randomPassword:RandomPassword":
      return { result: passwordOf(name) };
    case "digitalocean:index/kubernetesCluster:KubernetesCluster":
      return { kubeConfigs: [{ rawConfig: "{}" }] };
    case "aws:eks/cluster:Cluster":
      return { arn: `arn:${name}`, endpoint: "https://eks.invalid", certificateAuthority: { data: "" } };
    case "aws:ec2/launchTemplate:LaunchTemplate":
      return { latestVersion: 1 };
    default:
      return {};
  }
}

/** What a generated password reads in tests, so that it can be looked for where it must not be. */
export function passwordOf(name: string): string {
  return `password-of-${name}`;
}

/** The value of an output, once it and everything that it waits for is known. */
export function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
