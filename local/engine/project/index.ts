/** A Pulumi project on disk: `Pulumi.yaml`, the stacks' files, and the configuration that a program gets from them. */
export { configEnvironment, resolveConfig, type StackConfig } from "./config";
export { encryptConfigValue, setConfigValue, setSecretConfigValue } from "./edit";
export { backendRoot, fullKey, loadProject, type ConfigDeclaration, type Project } from "./project";
export {
  loadStackSettings,
  settingsFile,
  stacksWithSettings,
  unknownStack,
  type RawValue,
  type StackSettings,
} from "./settings";
