/** Stacks' state in Pulumi's own file backend: see docs/adr for why, {@link FileBackend} for what. */
export { FileBackend } from "./backend";
export type { BackendOptions, ExportedState, OpenOptions, StackSummary } from "./backend";
export { BLIND_SECRET } from "./codec";
export { IntegrityError } from "./integrity";
export { ForeignCheckpointError } from "./journal";
export { LockedError } from "./lock";
export { localPassphrase, passphraseFromEnvironment, type PassphraseSource } from "./passphrase";
export { WrongPassphraseError } from "./secrets";
export { StateWriteError } from "./session";
export type * from "./store";
