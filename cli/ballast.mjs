#!/usr/bin/env node
// Starts the command line; in a fresh clone it installs the dependencies first.
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";

const [command = ""] = process.argv.slice(2);
await ensureInstalled({ needsCluster: command === "up" });
const { load } = await import("./bundle.mjs");
await load(root, join(root, "cli", "main.ts"), /^[a-z]+$/.test(command) ? command : "help");
