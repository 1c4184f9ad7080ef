import type { Alias as WireAlias } from "@pulumi/pulumi/proto/alias_pb";
import type { ReadResourceRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import type { Alias } from "../aliases";
import type { ReadRegistration, Registration } from "../deployment/registration";
import { parseDuration } from "../durations";
import { StepFailure } from "../failure";
import { UNKNOWN_PLACEHOLDER } from "../signatures";
import { fromStruct } from "../wire";

const given = (text: string): string | undefined => (text === "" ? undefined : text);

export function toRegistration(request: RegisterResourceRequest): Registration {
  if (request.getRemote()) {
    throw new StepFailure(
      `'${request.getType()}' is a component that a provider makes in another process, which the embedded engine cannot run; use the Pulumi CLI`,
    );
  }
  if (request.hasReplacementTrigger() && request.getReplacementTrigger()?.hasNullValue() !== true) {
    throw new StepFailure(
      `${request.getName()}: the option replacementTrigger is not supported by the embedded engine; use the Pulumi CLI`,
    );
  }
  const propertyDependencies: Record<string, string[]> = {};
  for (const [key, urns] of request.getPropertydependenciesMap().entries())
    propertyDependencies[key] = urns.getUrnsList();
  const legacyAliases = request.getAliasurnsList();
  return {
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    inputs: fromStruct(request.getObject()),
    parent: given(request.getParent()),
    dependencies: request.getDependenciesList(),
    propertyDependencies,
    provider: given(request.getProvider()),
    providers: Object.fromEntries(request.getProvidersMap().entries()),
    version: given(request.getVersion()),
    pluginDownloadUrl: given(request.getPlugindownloadurl()),
    protect: request.hasProtect() ? request.getProtect() : undefined,
    retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
    deletedWith: given(request.getDeletedwith()),
    deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
    replaceWith: request.getReplaceWithList(),
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: [...request.getAliasesList().map(toAlias), ...legacyAliases],
    importId: given(request.getImportid()),
    timeouts: toTimeouts(request.getCustomtimeouts()),
  };
}

export function toAlias(alias: WireAlias): Alias {
  const spec = alias.getSpec();
  if (spec === undefined) return alias.getUrn();
  return {
    name: given(spec.getName()),
    type: given(spec.getType()),
    stack: given(spec.getStack()),
    project: given(spec.getProject()),
    parent: spec.getNoparent() ? null : given(spec.getParenturn()),
  };
}

export function toTimeouts(timeouts: RegisterResourceRequest.CustomTimeouts | undefined): Registration["timeouts"] {
  if (timeouts === undefined) return undefined;
  const given = Object.entries({
    create: timeouts.getCreate(),
    update: timeouts.getUpdate(),
    delete: timeouts.getDelete(),
  })
    .filter(([, text]) => text !== "")
    .map(([operation, text]) => [operation, parseDuration(text)] as const);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

export function toReadRegistration(request: ReadResourceRequest): ReadRegistration {
  const id = request.getId();
  return {
    type: request.getType(),
    name: request.getName(),
    id: id === UNKNOWN_PLACEHOLDER ? undefined : id,
    inputs: fromStruct(request.getProperties()),
    parent: given(request.getParent()),
    dependencies: request.getDependenciesList(),
    provider: given(request.getProvider()),
    version: given(request.getVersion()),
    pluginDownloadUrl: given(request.getPlugindownloadurl()),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  };
}
