import { homedir } from "node:os";
import { join } from "node:path";

export const cacheRoot = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ballast");
