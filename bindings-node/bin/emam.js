#!/usr/bin/env node
// The command line of emam: the same program as everywhere, in this process.

import binding from "../dist/esm/binding.cjs";

// Node's own handlers would end the process before the library is closed; the library listens
// itself.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

process.exit(await binding.main(process.argv.slice(2)));
