/** Days after which an entry that nobody has used is removed. */
export const UNUSED_DAYS: number;
/**
 * Marks an entry of a cache folder as used; when that had not been done for a day, removes what nobody has used for {@link UNUSED_DAYS}. For caches
 * that can be made again at any time.
 * @param used absolute path of the entry that is used now
 * @param now milliseconds. @default the time
 */
export function pruneUnused(folder: string, used: string, now?: number): void;

/**
 * Marks a folder as used, and removes its older siblings but for so many. Files beside them stay.
 * @param used absolute path of the folder that is used now
 * @param count of folders that stay, the used one among them
 * @param now milliseconds. @default the time
 */
export function keepNewest(folder: string, used: string, count: number, now?: number): void;
