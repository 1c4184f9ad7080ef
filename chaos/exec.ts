import { Writable } from "node:stream";
import { Exec, type KubeConfig } from "@kubernetes/client-node";

/**
 * Runs a command in a container, and gives what it wrote.
 *
 * @throws with what it wrote, when it ends with another code than 0
 */
export async function exec(
  kubeconfig: KubeConfig,
  at: { readonly namespace: string; readonly pod: string; readonly container: string },
  command: readonly string[],
): Promise<string> {
  let output = "";
  const collect = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output += chunk.toString();
      done();
    },
  });
  await new Promise<void>((resolve, reject) => {
    new Exec(kubeconfig)
      .exec(at.namespace, at.pod, at.container, [...command], collect, collect, null, false, ({ status, message }) =>
        status === "Success"
          ? resolve()
          : reject(new Error(`${command.join(" ")} in ${at.pod}: ${message ?? ""} ${output}`)),
      )
      .catch(reject);
  });
  return output;
}
