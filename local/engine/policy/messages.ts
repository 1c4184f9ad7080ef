import {
  type AnalyzeDiagnostic,
  AnalyzeRequest,
  AnalyzerPropertyDependencies,
  AnalyzerProviderResource,
  AnalyzerResource,
  AnalyzerResourceOptions,
  ConfigureAnalyzerRequest,
  EnforcementLevel,
  PolicyConfig,
  PolicySeverity,
} from "@pulumi/pulumi/proto/analyzer_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { isMap, type PropertyMap, type PropertyValue, ResourceReference, Secret } from "../values";
import { toStruct } from "../wire";
import type { PolicySetting } from "./pack-config";
import type { PolicyResource } from "./policy";

/** Properties as the CLI gives them to a pack: a resource in place of a property is its id, and internal keys are left out. */
export function forPolicies(properties: PropertyMap): PropertyMap {
  const visible = Object.entries(properties).filter(([key]) => !isInternal(key));
  return Object.fromEntries(visible.map(([key, value]) => [key, simplified(value)]));
}

function simplified(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) return new Secret(simplified(value.value));
  if (value instanceof ResourceReference) return value.id ?? value.urn;
  if (Array.isArray(value)) return value.map(simplified);
  return isMap(value) ? forPolicies(value) : value;
}

const isInternal = (key: string): boolean => key.startsWith("__");

/**
 * Remediated properties with what the pack was not shown or may have lost: internal keys, and the mark of secrets, which a rule loses when
 * it copies properties to a new object.
 */
export function restored(remediated: PropertyMap, original: PropertyMap): PropertyMap {
  const internal = Object.entries(original).filter(([key]) => isInternal(key));
  return { ...(remarked(remediated, original) as PropertyMap), ...Object.fromEntries(internal) };
}

function remarked(value: PropertyValue, original: PropertyValue | undefined): PropertyValue {
  if (original instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (Array.isArray(value) && Array.isArray(original))
    return value.map((item, index) => remarked(item, original[index]));
  if (!isMap(value) || !isMap(original)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, remarked(part, original[key])]));
}

export function analyzeRequest(resource: PolicyResource): AnalyzeRequest {
  const request = new AnalyzeRequest();
  request.setType(resource.type);
  request.setUrn(resource.urn);
  request.setName(resource.name);
  request.setProperties(toStruct(forPolicies(resource.properties)));
  request.setOptions(options(resource));
  if (resource.provider) request.setProvider(provider(resource.provider));
  return request;
}

export function stackResource(resource: PolicyResource): AnalyzerResource {
  const message = new AnalyzerResource();
  message.setType(resource.type);
  message.setUrn(resource.urn);
  message.setName(resource.name);
  message.setProperties(toStruct(forPolicies(resource.properties)));
  message.setOptions(options(resource));
  message.setParent(resource.parent ?? "");
  message.setDependenciesList([...resource.dependencies]);
  for (const [property, urns] of Object.entries(resource.propertyDependencies)) {
    const dependencies = new AnalyzerPropertyDependencies();
    dependencies.setUrnsList([...urns]);
    message.getPropertydependenciesMap().set(property, dependencies);
  }
  if (resource.provider) message.setProvider(provider(resource.provider));
  return message;
}

function options(resource: PolicyResource): AnalyzerResourceOptions {
  const message = new AnalyzerResourceOptions();
  message.setProtect(resource.protect === true);
  message.setAliasesList([...(resource.aliases ?? [])]);
  message.setAdditionalsecretoutputsList([...(resource.additionalSecretOutputs ?? [])]);
  message.setParent(resource.parent ?? "");
  if (resource.customTimeouts) {
    const timeouts = new AnalyzerResourceOptions.CustomTimeouts();
    timeouts.setCreate(resource.customTimeouts.create ?? 0);
    timeouts.setUpdate(resource.customTimeouts.update ?? 0);
    timeouts.setDelete(resource.customTimeouts.delete ?? 0);
    message.setCustomtimeouts(timeouts);
  }
  return message;
}

function provider({ urn, type, name, properties }: NonNullable<PolicyResource["provider"]>): AnalyzerProviderResource {
  const message = new AnalyzerProviderResource();
  message.setUrn(urn);
  message.setType(type);
  message.setName(name);
  message.setProperties(toStruct(forPolicies(properties)));
  return message;
}

export function configureRequest(settings: ReadonlyMap<string, PolicySetting>): ConfigureAnalyzerRequest {
  const request = new ConfigureAnalyzerRequest();
  for (const [name, { level, properties }] of settings) {
    const config = new PolicyConfig();
    config.setEnforcementlevel(level);
    config.setProperties(Struct.fromJavaScript(properties));
    request.getPolicyconfigMap().set(name, config);
  }
  return request;
}

const SEVERITIES: Readonly<Partial<Record<PolicySeverity, string>>> = {
  [PolicySeverity.POLICY_SEVERITY_LOW]: "low",
  [PolicySeverity.POLICY_SEVERITY_MEDIUM]: "medium",
  [PolicySeverity.POLICY_SEVERITY_HIGH]: "high",
  [PolicySeverity.POLICY_SEVERITY_CRITICAL]: "critical",
};

export const severityOf = (diagnostic: AnalyzeDiagnostic): string | undefined => SEVERITIES[diagnostic.getSeverity()];

/** A remediation that is still violated stops the run as a mandatory policy does. */
export const levelOf = (diagnostic: AnalyzeDiagnostic): "advisory" | "mandatory" =>
  diagnostic.getEnforcementlevel() === EnforcementLevel.ADVISORY ? "advisory" : "mandatory";
