#!/usr/bin/env node
// Starts `qn` from a checkout: its sources are TypeScript, which tsx loads.
import "tsx";

await import("./provenance/qn.ts");
