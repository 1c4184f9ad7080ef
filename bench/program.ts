import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export const root = dirname(__dirname);
export const stack = "bench";

/** What the settings say, about the size of a service's own. */
const data = (index: number): Record<string, string> => ({
  "service.name": `service-${index}`,
  "log.level": index % 7 === 0 ? "debug" : "info",
  "feature.flags": JSON.stringify({ beta: index % 2 === 0, limit: index }),
});

/** A Pulumi project in `folder` whose program declares `count` ConfigMaps in `namespace`; state stays in the folder. */
export async function configMapProject(folder: string, count: number, namespace: string): Promise<void> {
  const program = `import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";

for (let index = 0; index < ${count}; index++) {
  const name = \`settings-\${index}\`;
  new ConfigMap(name, {
    metadata: { name, namespace: ${JSON.stringify(namespace)}, labels: { app: "bench" } },
    data: {
      "service.name": \`service-\${index}\`,
      "log.level": index % 7 === 0 ? "debug" : "info",
      "feature.flags": JSON.stringify({ beta: index % 2 === 0, limit: index }),
    },
  });
}
`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "Pulumi.yaml"), "name: bench\nruntime: nodejs\n");
  await writeFile(join(folder, `Pulumi.${stack}.yaml`), "config: {}\n");
  await writeFile(join(folder, "package.json"), '{ "name": "bench", "private": true }\n');
  await writeFile(join(folder, "index.ts"), program);
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
}

/** The objects of {@link configMapProject}, for kubectl. */
export function configMapManifest(count: number, namespace: string): string {
  const items = Array.from({ length: count }, (_, index) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `settings-${index}`, namespace, labels: { app: "bench" } },
    data: data(index),
  }));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
