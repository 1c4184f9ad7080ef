import { Readable, Writable } from "node:stream";
import { Exec, type KubeConfig } from "@kubernetes/client-node";

/**
 * Runs a command in a container, and gives what it wrote.
 *
 * @param input for its standard input
 * @throws with what it wrote, when it ends with another code than 0
 */
export async function exec(
  kubeconfig: KubeConfig,
  at: { readonly namespace: string; readonly pod: string; readonly container: string },
  command: readonly string[],
  input?: string,
): Promise<string> {
  const stdin = input === undefined ? null : Readable.from([input]);
  let output = "";
  const collect = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output += chunk.toString();
      done();
    },
  });
  await new Promise<void>((resolve, reject) => {
    new Exec(kubeconfig)
      .exec(at.namespace, at.pod, at.container, [...command], collect, collect, stdin, false, ({ status, message }) =>
        status === "Success"
          ? resolve()
          : reject(new Error(`${command.join(" ")} in ${at.pod}: ${message ?? ""} ${output}`)),
      )
      .catch(reject);
  });
  return output;
}
