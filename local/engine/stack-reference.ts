import { type Provider, ProviderError, type ProviderFactory } from "./provider";
import { backendRoot } from "./project";
import type { OpenedStack } from "./stack";
import { FileBackend } from "./state";
import { stackType } from "./urn";
import { hasSecret, type PropertyMap, UNKNOWN } from "./values";

const referenceType = "pulumi:pulumi:StackReference";
/** What a backend of files has in place of an organization. */
const organization = "organization";

/** The package `pulumi` itself, whose one resource is the outputs of another stack in the same backend: they are read, never changed. */
export function stackReferences(from: OpenedStack, offline: boolean): ProviderFactory {
  const refuse = async (): Promise<never> => {
    throw new ProviderError(`${referenceType} can only be read, by \`new pulumi.StackReference(...)\``);
  };
  const provider: Provider = {
    check: async ({ inputs }) => ({ inputs, failures: [] }),
    diff: async () => ({ changed: false, replaceKeys: [], detailed: {} }),
    create: refuse,
    update: refuse,
    read: async ({ type, id, inputs }) => {
      if (type !== referenceType) throw new ProviderError(`the engine has no type ${type} of its own`);
      return { id, inputs, outputs: { name: id, ...(await outputsOf(from, id, offline)) } };
    },
    delete: async () => undefined,
    invoke: async (token) => {
      throw new ProviderError(`the embedded engine has no function ${token}; use the Pulumi CLI`);
    },
    close: async () => undefined,
  };
  return {
    name: "pulumi",
    version: "",
    checkConfig: async (inputs) => ({ inputs, failures: [] }),
    diffConfig: async () => ({ changed: false, replaceKeys: [], detailed: {} }),
    create: async () => provider,
  };
}

async function outputsOf(from: OpenedStack, name: string, offline: boolean): Promise<PropertyMap> {
  const { project, stack } = parseName(from.project.name, name);
  const { passphrase } = from;
  const backend = new FileBackend({ root: backendRoot(from.project), project, passphrase });
  try {
    if (!(await backend.exists(stack))) {
      if (offline) return { outputs: UNKNOWN, secretOutputNames: UNKNOWN };
      const names = (await backend.listStacks()).map((other) => other.name);
      throw new ProviderError(
        `the stack '${name}' that is referred to has no state: ` +
          (names.length > 0
            ? `those of ${project} that have one are ${names.join(", ")}`
            : `no stack of ${project} has`) +
          `. Bring it up first, or write its name as ${organization}/<project>/<stack>`,
      );
    }
    const { resources } = await backend.read(stack, { blind: offline && (await passphrase()) === undefined });
    const outputs = resources.find(({ type }) => type === stackType)?.outputs ?? {};
    const secretOutputNames = Object.keys(outputs).filter((key) => hasSecret(outputs[key] ?? null));
    return { outputs, secretOutputNames };
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new ProviderError(`cannot read the stack '${name}' that is referred to: ${message}`);
  }
}

/** `<stack>` and `organization/<stack>` of the same project, or `organization/<project>/<stack>`. */
function parseName(ownProject: string, name: string): { project: string; stack: string } {
  const parts = name.split("/");
  const [stack = "", project = ownProject] = [parts.at(-1), parts.length === 3 ? parts[1] : undefined];
  const known = parts.length === 1 || (parts.length <= 3 && parts[0] === organization);
  if (known && stack !== "" && project !== "") return { project, stack };
  throw new ProviderError(
    `'${name}' is no stack of this backend: write <stack>, or ${organization}/<project>/<stack> for one of another project`,
  );
}
