/** Days after which an entry that nobody has used is removed. */
export const UNUSED_DAYS: number;
/**
 * Marks an entry of a cache folder as used; when that had not been done for a day, removes what nobody has used for {@link UNUSED_DAYS}. For caches
 * that can be made again at any time.
 * @param used absolute path of the entry that is used now
 * @param now milliseconds. @default the time
 */
export function pruneUnused(folder: string, used: string, now?: number): void;
