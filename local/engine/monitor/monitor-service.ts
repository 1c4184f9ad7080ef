import { type sendUnaryData, type ServerUnaryCall, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { CallResponse, InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import type { Callback } from "@pulumi/pulumi/proto/callback_pb";
import {
  type ReadResourceRequest,
  ReadResourceResponse,
  type RegisterPackageRequest,
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  RegisterResourceResponse,
  type ResourceCallRequest,
  type ResourceInvokeRequest,
  type SupportsFeatureRequest,
  SupportsFeatureResponse,
} from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Deployment } from "../deployment/deployment";
import { StepFailure } from "../failure";
import { Stopped } from "../deployment/stop";
import { fromStruct, toStruct } from "../wire";
import { toReadRegistration, toRegistration } from "./requests";
import type { Transforms } from "./transforms";

/** What the SDK may use; it refuses the rest itself, with a message (hooks, parameterized packages). */
const features = new Set([
  "secrets",
  "resourceReferences",
  "outputValues",
  "aliasSpecs",
  "deletedWith",
  "replaceWith",
  "transforms",
  "invokeTransforms",
]);

/** `pulumirpc.ResourceMonitor`: turns calls into registrations. */
export function monitorService(
  pending: Promise<Deployment>,
  transforms: Transforms,
  programDone: () => void,
): UntypedServiceImplementation {
  return {
    supportsFeature: unary(async (request: SupportsFeatureRequest) => {
      await pending;
      return new SupportsFeatureResponse().setHassupport(features.has(request.getId()));
    }),
    registerResource: unary(async (request: RegisterResourceRequest) => {
      const deployment = await pending;
      const { urn, id, outputs } = await deployment.reporting(async () => {
        await transforms.apply(request);
        return deployment.register(toRegistration(request));
      });
      transforms.inherit(urn, request);
      return new RegisterResourceResponse()
        .setUrn(urn)
        .setId(id ?? "")
        .setObject(toStruct(outputs));
    }),
    readResource: unary(async (request: ReadResourceRequest) => {
      const deployment = await pending;
      const { urn, outputs } = await deployment.readResource(toReadRegistration(request));
      return new ReadResourceResponse().setUrn(urn).setProperties(toStruct(outputs));
    }),
    registerResourceOutputs: unary(async (request: RegisterResourceOutputsRequest) => {
      await (await pending).registerOutputs(request.getUrn(), fromStruct(request.getOutputs()));
      return new Empty();
    }),
    invoke: unary(async (request: ResourceInvokeRequest) => {
      await transforms.applyToInvoke(request);
      const provider = request.getProvider();
      const version = request.getVersion();
      const result = await (
        await pending
      ).invoke(
        request.getTok(),
        fromStruct(request.getArgs()),
        provider === "" ? undefined : provider,
        version === "" ? undefined : version,
      );
      return new InvokeResponse().setReturn(toStruct(result));
    }),
    call: unary(async (request: ResourceCallRequest): Promise<CallResponse> => {
      throw new Error(
        `the method '${request.getTok()}' runs in a provider's own process, which the embedded engine has not; use the Pulumi CLI`,
      );
    }),
    registerPackage: unary(async (request: RegisterPackageRequest): Promise<Empty> => {
      throw new Error(
        `the package '${request.getName()}' is parameterized, which the embedded engine does not support; use the Pulumi CLI`,
      );
    }),
    registerStackTransform: unary(async (callback: Callback) => {
      transforms.addToStack(callback);
      return new Empty();
    }),
    registerStackInvokeTransform: unary(async (callback: Callback) => {
      transforms.addToInvokes(callback);
      return new Empty();
    }),
    signalAndWaitForShutdown: unary(async (_request: Empty) => {
      programDone();
      return new Empty();
    }),
  };
}

/** CANCELLED tells the SDK to end quietly: what went wrong has been shown. */
function unary<Q, A>(handle: (request: Q) => Promise<A>) {
  return (call: ServerUnaryCall<Q, A>, answer: sendUnaryData<A>): void => {
    handle(call.request).then(
      (response) => answer(null, response),
      (error: unknown) => {
        const shown = error instanceof StepFailure || error instanceof Stopped;
        const details = error instanceof Error ? error.message : String(error);
        answer({ code: shown ? status.CANCELLED : status.UNKNOWN, details });
      },
    );
  };
}
