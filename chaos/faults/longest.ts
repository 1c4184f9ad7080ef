/** Seconds after which what strikes ends by itself, whatever becomes of this process: more than any fault may be held (schema.ts). */
export const longestFault = 1000;
