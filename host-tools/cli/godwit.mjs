#!/usr/bin/env node
// The `godwit` command of an installed or linked package: every argument belongs to it.
process.argv.splice(2, 0, "godwit");
await import("./bootstrap.mjs");
