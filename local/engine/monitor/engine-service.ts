import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  GetRootResourceResponse,
  LogSeverity,
  RequirePulumiVersionResponse,
  SetRootResourceResponse,
} from "@pulumi/pulumi/proto/engine_pb";
import type { IEngineServer } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Recorder } from "../deployment/recorder";
import type { Severity } from "../events";

const severities: Record<LogSeverity, Severity> = {
  [LogSeverity.DEBUG]: "debug",
  [LogSeverity.INFO]: "info",
  [LogSeverity.WARNING]: "warning",
  [LogSeverity.ERROR]: "error",
};

/** `pulumirpc.Engine`: the program's log, and its root resource. */
export function engineService(recorder: Recorder): UntypedServiceImplementation {
  let root = "";
  const service: Pick<IEngineServer, "log" | "getRootResource" | "setRootResource" | "requirePulumiVersion"> = {
    log: ({ request }, answer) => {
      const urn = request.getUrn();
      recorder.diagnostic(
        severities[request.getSeverity()],
        request.getMessage().trimEnd(),
        urn === "" ? undefined : urn,
      );
      answer(null, new Empty());
    },
    getRootResource: (_call, answer) => answer(null, new GetRootResourceResponse().setUrn(root)),
    setRootResource: ({ request }, answer) => {
      root = request.getUrn();
      answer(null, new SetRootResourceResponse());
    },
    requirePulumiVersion: (_call, answer) => answer(null, new RequirePulumiVersionResponse()),
  };
  return service;
}
