/** The embedded Pulumi engine: runs an unmodified program over a stack whose state is in Pulumi's own file format. */
export type { Diagnostic } from "./deployment/recorder";
export { destroy, type DestroyOptions } from "./destroy";
export {
  preview,
  up,
  type ChangeOptions,
  type Plan,
  type PreviewOptions,
  type RunOptions,
  type RunResult,
} from "./operations";
export { refresh, type RefreshOptions } from "./refresh";
export { cancel, exportState, importState, listStacks, outputs, removeStack } from "./stacks";
export { configOf, findStack, type OpenedStack, type StackOptions } from "./stack";
export type * from "./events";
export { Secret } from "./values";
