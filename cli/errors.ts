/** Exit codes of `ballast`, with what they mean; `ballast --help` prints them. */
export const exit = { done: 0, failed: 1, usage: 2, policy: 3, drift: 4, interrupted: 130 } as const;

export const exitCodeHelp = `
Exit codes:
  ${exit.done}    done
  ${exit.failed}    failed: the message says why; what was finished is kept, and the same command goes on from there
  ${exit.usage}    the command line is wrong; nothing was changed
  ${exit.policy}    a mandatory policy was violated; nothing was changed
  ${exit.drift}    drift: something has been changed behind the stack's back; nothing was changed now
  ${exit.interrupted}  interrupted`;

/** An error that needs no more than its message, with the exit code for scripts. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly code: number = exit.failed,
  ) {
    super(message);
    this.name = "CommandError";
  }
}

/** Prints the error and ends the process. The stack is shown only with BALLAST_DEBUG: to a user it is noise. */
export function report(error: unknown): never {
  process.stderr.write(`ballast: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env["BALLAST_DEBUG"] && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  process.exit(error instanceof CommandError ? error.code : exit.failed);
}
