import { credentials } from "@grpc/grpc-js";
import { CallbacksClient } from "@pulumi/pulumi/proto/callback_grpc_pb";
import { type Callback, CallbackInvokeRequest } from "@pulumi/pulumi/proto/callback_pb";
import {
  RegisterResourceRequest,
  type ResourceInvokeRequest,
  TransformInvokeOptions,
  TransformInvokeRequest,
  TransformInvokeResponse,
  TransformRequest,
  TransformResourceOptions,
  TransformResponse,
} from "@pulumi/pulumi/proto/resource_pb";

/** The functions of the program that rewrite registrations and invokes, called in its process. */
export class Transforms {
  private readonly stack: Callback[] = [];
  private readonly invokes: Callback[] = [];
  private readonly ofParents = new Map<string, readonly Callback[]>();
  private readonly clients = new Map<string, CallbacksClient>();

  addToStack(callback: Callback): void {
    this.stack.push(callback);
  }

  addToInvokes(callback: Callback): void {
    this.invokes.push(callback);
  }

  /** `urn` has been registered with `request`: the resource's transforms hold for its children. */
  inherit(urn: string, request: RegisterResourceRequest): void {
    const callbacks = [...request.getTransformsList(), ...(this.ofParents.get(request.getParent()) ?? [])];
    if (callbacks.length > 0) this.ofParents.set(urn, callbacks);
  }

  /** Rewrites `request` by its own transforms, then its parents', nearest first, then the stack's. */
  async apply(request: RegisterResourceRequest): Promise<void> {
    const callbacks = [
      ...request.getTransformsList(),
      ...(this.ofParents.get(request.getParent()) ?? []),
      ...this.stack,
    ];
    for (const callback of callbacks) {
      const asked = new TransformRequest();
      asked
        .setType(request.getType())
        .setName(request.getName())
        .setCustom(request.getCustom())
        .setParent(request.getParent());
      asked.setProperties(request.getObject()).setOptions(optionsOf(request));
      const response = TransformResponse.deserializeBinary(await this.call(callback, asked.serializeBinary()));
      request.setObject(response.getProperties());
      const options = response.getOptions();
      if (options !== undefined) setOptions(request, options);
    }
  }

  async applyToInvoke(request: ResourceInvokeRequest): Promise<void> {
    for (const callback of this.invokes) {
      const options = new TransformInvokeOptions();
      options
        .setProvider(request.getProvider())
        .setVersion(request.getVersion())
        .setPluginDownloadUrl(request.getPlugindownloadurl());
      const asked = new TransformInvokeRequest()
        .setToken(request.getTok())
        .setArgs(request.getArgs())
        .setOptions(options);
      const response = TransformInvokeResponse.deserializeBinary(await this.call(callback, asked.serializeBinary()));
      request.setArgs(response.getArgs());
      const changed = response.getOptions();
      if (changed === undefined) continue;
      request
        .setProvider(changed.getProvider())
        .setVersion(changed.getVersion())
        .setPlugindownloadurl(changed.getPluginDownloadUrl());
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  private call(callback: Callback, body: Uint8Array): Promise<Uint8Array> {
    const target = callback.getTarget();
    let client = this.clients.get(target);
    if (client === undefined) {
      client = new CallbacksClient(target, credentials.createInsecure());
      this.clients.set(target, client);
    }
    const caller = client;
    return new Promise((resolve, reject) => {
      const request = new CallbackInvokeRequest().setToken(callback.getToken()).setRequest(body);
      caller.invoke(request, (error, response) => {
        if (error === null) resolve(response.getResponse_asU8());
        else reject(new Error(error.details));
      });
    });
  }
}

function optionsOf(request: RegisterResourceRequest): TransformResourceOptions {
  const options = new TransformResourceOptions()
    .setDependsOnList(request.getDependenciesList())
    .setIgnoreChangesList(request.getIgnorechangesList())
    .setReplaceOnChangesList(request.getReplaceonchangesList())
    .setVersion(request.getVersion())
    .setAliasesList(request.getAliasesList())
    .setProvider(request.getProvider())
    .setCustomTimeouts(request.getCustomtimeouts())
    .setPluginDownloadUrl(request.getPlugindownloadurl())
    .setDeletedWith(request.getDeletedwith())
    .setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList())
    .setImport(request.getImportid())
    .setReplaceWithList(request.getReplaceWithList());
  if (request.hasProtect()) options.setProtect(request.getProtect() ?? false);
  if (request.hasRetainondelete()) options.setRetainOnDelete(request.getRetainondelete() ?? false);
  if (request.getDeletebeforereplacedefined()) options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  for (const [key, reference] of request.getProvidersMap().entries()) options.getProvidersMap().set(key, reference);
  return options;
}

function setOptions(request: RegisterResourceRequest, options: TransformResourceOptions): void {
  request
    .setDependenciesList(options.getDependsOnList())
    .setIgnorechangesList(options.getIgnoreChangesList())
    .setReplaceonchangesList(options.getReplaceOnChangesList())
    .setVersion(options.getVersion())
    .setAliasesList(options.getAliasesList())
    .setProvider(options.getProvider())
    .setCustomtimeouts(options.getCustomTimeouts())
    .setPlugindownloadurl(options.getPluginDownloadUrl())
    .setDeletedwith(options.getDeletedWith())
    .setAdditionalsecretoutputsList(options.getAdditionalSecretOutputsList())
    .setImportid(options.getImport())
    .setReplaceWithList(options.getReplaceWithList())
    .setDeletebeforereplacedefined(options.hasDeleteBeforeReplace())
    .setDeletebeforereplace(options.getDeleteBeforeReplace() ?? false);
  if (options.hasProtect()) request.setProtect(options.getProtect() ?? false);
  else request.clearProtect();
  if (options.hasRetainOnDelete()) request.setRetainondelete(options.getRetainOnDelete() ?? false);
  else request.clearRetainondelete();
  request.clearProvidersMap();
  for (const [key, reference] of options.getProvidersMap().entries()) request.getProvidersMap().set(key, reference);
}
