import { Server, ServerCredentials } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import type { Deployment } from "../deployment/deployment";
import type { Recorder } from "../deployment/recorder";
import { engineService } from "./engine-service";
import { monitorService } from "./monitor-service";
import { Transforms } from "./transforms";

export interface MonitorServer {
  /** `127.0.0.1:<port>`, of both services. */
  readonly address: string;
  /** Resolves when the program says that it has run to its end, which it does before its process has ended. */
  readonly programDone: Promise<void>;
  close(): void;
}

/** Properties of resources may be large: a manifest, an archive in clear. */
const maxMessageBytes = 400 * 1024 * 1024;

/**
 * Serves a program its monitor and its engine. Its first question is answered when `deployment` resolves: until then none of the
 * program's own code runs, so its process can be started while the stack is being opened.
 */
export async function serveMonitor(deployment: Promise<Deployment>, recorder: Recorder): Promise<MonitorServer> {
  const transforms = new Transforms();
  let done: () => void = () => undefined;
  const programDone = new Promise<void>((resolve) => (done = resolve));
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
  });
  server.addService(ResourceMonitorService, monitorService(deployment, transforms, done));
  server.addService(EngineService, engineService(recorder));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    programDone,
    close: () => {
      transforms.close();
      server.forceShutdown();
    },
  };
}
