// The programs of the guide and the README's example, run as they stand.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { open } from "emam";

import { clip, folder, inside, noMedia, root } from "./support.mjs";

const home = folder();
const film = join(home, "clip.mp4");

before(() => {
  if (noMedia) return;
  clip(film, 3);
  // So that the programs find the package by its name.
  mkdirSync(join(home, "node_modules"));
  symlinkSync(fileURLToPath(new URL("../..", inside("native.js"))), join(home, "node_modules/emam"));
});

/** The programs of a page: their kind and text. */
function programs(page) {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```js(?: (\w+))?\n(.*?)^```$/gms)].map(([, kind, code]) => ({ kind, code }));
}

function run(name, code, argv = []) {
  const file = join(home, name);
  writeFileSync(file, code);
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...argv], { cwd: home }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

const page = programs("docs/guide/node.md");
const shown = { 0: /100 %/, 1: /clip 0|clip \d/, 2: /project\.created/, 3: /missing\.mov/ };

test("the guide has programs", () => {
  assert.ok(page.length >= 7, `${page.length}`);
});

for (const [number, { kind, code }] of page.entries()) {
  if (kind === "gateway") continue;
  const title = code.trim().split("\n").at(3);
  test(`the guide's program ${number}: ${title}`, { skip: noMedia }, async () => {
    const known = `const clip = ${JSON.stringify(film)};\n`;
    const ended = await run(`${number}.${kind === "cjs" ? "cjs" : "mjs"}`, known + code);
    assert.deepEqual([ended.code, ended.stderr], [0, ""]);
    assert.match(ended.stdout, shown[number] ?? /\S/);
  });
}

const gateway = process.env.EMAM_GATEWAY ?? join(root, "target/debug/gateway_child");
const none = existsSync(gateway) ? noMedia : `there is no gateway at ${gateway}; set EMAM_GATEWAY`;

test("the guide's program over HTTP", { skip: none }, async (t) => {
  const path = join(home, "served");
  const lib = await open(path);
  const child = spawn(gateway, [path], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(async () => {
    child.stdin.end();
    await lib.close();
  });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise((resolve) => lines.once("line", resolve));
  const { code } = page.find(({ kind }) => kind === "gateway");
  const known = `
    import { readFileSync } from "node:fs";
    const [url, token] = [${JSON.stringify(url)}, undefined];
    const bytes = readFileSync(${JSON.stringify(film)});\n`;
  const ended = await run("http.mjs", known + code);
  assert.deepEqual([ended.code, ended.stderr], [0, ""]);
  assert.match(ended.stdout, new RegExp(`A001 ${url}/v1/media/`));
});

test("the README's example", { skip: noMedia }, async () => {
  const example = join(root, "examples/node/quickstart.mjs");
  copyFileSync(film, join(home, "clip.mov"));
  const ended = await run("quickstart.mjs", readFileSync(example, "utf8"));
  assert.deepEqual([ended.code, ended.stderr], [0, ""]);
  assert.match(ended.stdout, /clip \[/);
  assert.ok(existsSync(join(home, "rough.otio")), dirname(example));
});
