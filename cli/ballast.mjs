#!/usr/bin/env node
// Starts the command line; in a fresh clone it installs the dependencies first.
import { createRequire } from "node:module";
import { ensureInstalled } from "./install.mjs";

await ensureInstalled({ needsCluster: process.argv[2] === "up" });
await import("tsx");
const require = createRequire(import.meta.url);
require("./main.ts");
