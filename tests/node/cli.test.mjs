// The command line as npm installs it: the library's own, in Node's process.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { open } from "emam";

import { api, folder, inside } from "./support.mjs";

const home = new URL("../../", inside("native.js"));
const { bin } = JSON.parse(readFileSync(new URL("package.json", home)));
const program = fileURLToPath(new URL(bin.emam, home));
const path = join(folder(), "library");

before(async () => {
  const lib = await open(path);
  await lib.projects.create("there");
  await lib.close();
});

/** Runs it; signals are sent, one after the other, once it has said something. */
function emam(argv, ...signals) {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data) => {
    said.out += data;
    for (const signal of signals.splice(0)) child.kill(signal);
  });
  child.stderr.on("data", (data) => (said.err += data));
  return new Promise((resolve) => {
    child.on("close", (code, killed) => resolve({ code, killed, ...said }));
  });
}

test("it does what it is asked and ends with its code", async () => {
  const made = await emam(["--library", path, "call", "projects.create", '{"name":"Promo"}']);
  assert.deepEqual([made.code, made.err], [0, ""]);
  assert.equal(JSON.parse(made.out).name, "Promo");
  const version = await emam(["--version"]);
  assert.deepEqual([version.code, version.err], [0, ""]);
  assert.match(version.out, new RegExp(`\\b${api.version.replaceAll(".", "\\.")}\\b`));
});

test("what it cannot do it says, and ends with another code", async () => {
  const unknown = await emam(["nope"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /nope/);
  const failed = await emam(["--library", path, "--json", "call", "projects.get", '{"id":"x"}']);
  assert.equal(failed.code, 1);
  assert.equal(JSON.parse(failed.err).kind, "invalid_input");
});

for (const signals of [["SIGINT"], ["SIGTERM"], ["SIGINT", "SIGTERM"]]) {
  test(`${signals.join(" and ")} closes the library and ends it`, async () => {
    const argv = ["--library", path, "events", "--follow"];
    for (let round = 0; round < 5; round++) {
      const ended = await emam(argv, ...signals);
      assert.deepEqual([ended.code, ended.killed], [130, null]);
    }
  });
}
