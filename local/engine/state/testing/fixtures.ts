import { Crypter } from "../secrets";
import type { ResourceState } from "../store";

export const PASSPHRASE = "correct horse";
export const STACK_URN = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev";

let salt: Promise<string> | undefined;

/** A salt for {@link PASSPHRASE}; always the same, because a key takes half a second to derive. */
export function testSalt(): Promise<string> {
  salt ??= Crypter.generate(PASSPHRASE).then(({ saltState }) => saltState);
  return salt;
}

export const urnOf = (name: string, type = "test:index:Thing"): string => `urn:pulumi:dev::shop::${type}::${name}`;

export function rootStack(outputs: ResourceState["outputs"] = {}): ResourceState {
  return { urn: STACK_URN, custom: false, type: "pulumi:pulumi:Stack", inputs: {}, outputs };
}

export function thing(name: string, more: Partial<ResourceState> = {}): ResourceState {
  return {
    urn: urnOf(name),
    custom: true,
    id: `id-${name}`,
    type: "test:index:Thing",
    inputs: { name },
    outputs: { name },
    parent: STACK_URN,
    ...more,
  };
}
