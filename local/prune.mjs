// Plain JavaScript: it also runs where TypeScript is not loaded yet.
import { readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

const DAY_MS = 24 * 60 * 60 * 1000;
export const UNUSED_DAYS = 30;

/**
 * Marks an entry of a cache folder as used; when that had not been done for a day, removes what nobody has used for 30 days. For caches that can be made
 * again at any time.
 * @param {string} folder
 * @param {string} used absolute path of the entry in it that is used now
 * @param {number} [now] milliseconds
 */
export function pruneUnused(folder, used, now = Date.now()) {
  if (now - modified(used) < DAY_MS) return;
  utimesSync(used, new Date(now), new Date(now));
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (now - modified(path) > UNUSED_DAYS * DAY_MS) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Marks a folder as used, and removes its older siblings but for so many. Files beside them stay.
 * @param {string} folder
 * @param {string} used absolute path of the folder in it that is used now
 * @param {number} count of folders that stay, the used one among them
 * @param {number} [now] milliseconds
 */
export function keepNewest(folder, used, count, now = Date.now()) {
  utimesSync(used, new Date(now), new Date(now));
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const newestFirst = folders.map(({ name }) => join(folder, name)).sort((a, b) => modified(b) - modified(a));
  for (const path of newestFirst.slice(count)) rmSync(path, { recursive: true, force: true });
}

/** Infinitely late for what is gone, so that nobody removes it. */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
}
