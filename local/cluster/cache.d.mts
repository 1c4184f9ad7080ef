/** The folder of everything that Ballast can make again: `$XDG_CACHE_HOME/ballast`, else `~/.cache/ballast`. */
export function cacheRoot(): string;
