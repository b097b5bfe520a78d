// Compiles the client, once for each module system: `node client/build.mjs`.

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

rmSync(at("../dist"), { recursive: true, force: true });
for (const kind of ["esm", "cjs"]) {
  const argv = [tsc, "-p", at(`tsconfig.${kind}.json`)];
  execFileSync(process.execPath, argv, { stdio: "inherit" });
}
// The package as a whole is of modules; this half of it is not.
writeFileSync(at("../dist/cjs/package.json"), '{ "type": "commonjs" }\n');
