/** The program of a service and all that it imports, and where it would be written. */
export function bundle(name: string): Promise<{ readonly path: string; readonly contents: Uint8Array }>;
