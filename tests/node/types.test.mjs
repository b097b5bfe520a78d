// The types, as a strict program sees them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

function tsc(...options) {
  const compiler = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--ignoreConfig"];
  const argv = [compiler, ...strict, "--noUncheckedIndexedAccess", ...options, "use.ts"];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { cwd: here }, (error, stdout) => {
      resolve(`${stdout}${error && !stdout ? error : ""}`);
    });
  });
}

const libs = ["--target", "es2022", "--lib", "es2022,dom,dom.asynciterable", "--types", "node"];

test("the types hold in a strict program of modules", async () => {
  assert.equal(await tsc(...libs, "--module", "nodenext"), "");
});

test("the types hold for bundlers", async () => {
  const bundled = ["--module", "esnext", "--moduleResolution", "bundler"];
  assert.equal(await tsc(...libs, ...bundled), "");
});

test("the types hold in CommonJS", async () => {
  const common = ["--module", "commonjs", "--moduleResolution", "bundler"];
  assert.equal(await tsc(...libs, ...common), "");
});
