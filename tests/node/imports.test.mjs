// How the package is loaded: ESM and CommonJS, natively and over HTTP, with and without Node.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

import * as esm from "emam";
import * as esmHttp from "emam/http";

import { api, inside, library } from "./support.mjs";

const require = createRequire(import.meta.url);

test("both module systems export the same", () => {
  const cjs = require("emam");
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort());
  assert.equal(typeof cjs.open, "function");
  const cjsHttp = require("emam/http");
  assert.deepEqual(Object.keys(cjsHttp).sort(), Object.keys(esmHttp).sort());
  assert.equal(typeof cjsHttp.connect, "function");
});

test("an error of one copy of the package is one of the other", async () => {
  const cjs = require("emam");
  assert.notEqual(cjs.EmamError, esm.EmamError);
  const lib = cjs.open(null);
  const error = await lib.catch((error) => error);
  assert.ok(error instanceof cjs.EmamError);
  assert.ok(error instanceof esm.EmamError);
  assert.ok(error instanceof Error);
  assert.ok(!(new Error("other") instanceof esm.EmamError));
  assert.ok(!(null instanceof esm.EmamError));
});

test("every operation is a method of both clients", async (t) => {
  const remote = esmHttp.connect("http://127.0.0.1:1");
  for (const lib of [await library(t), remote]) {
    for (const { name } of api.operations) {
      const [noun, verb] = name.split(".");
      const method = verb.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
      assert.equal(typeof lib[noun][method], "function", name);
    }
  }
  assert.ok(remote instanceof esm.Library);
});

test("the version is that of the library", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", inside("native.js"))));
  assert.equal(version, api.version);
});

/** Loads CommonJS files where there is nothing but what a panel's host has. */
function panel(globals) {
  const context = vm.createContext({ ...globals });
  const loaded = new Map();
  const load = (path) => {
    if (!loaded.has(path)) {
      const module = { exports: {} };
      loaded.set(path, module);
      const wrapped = `(function (module, exports, require) {${readFileSync(path, "utf8")}\n})`;
      const near = (name) => {
        assert.match(name, /^\.\//, `${path} asks for ${name}, which no panel has`);
        return load(join(dirname(path), name));
      };
      vm.runInContext(wrapped, context, { filename: path })(module, module.exports, near);
    }
    return loaded.get(path).exports;
  };
  return load(fileURLToPath(inside("../cjs/http.js")));
}

test("the HTTP client runs where there is fetch and little else", async () => {
  const asked = [];
  const fetch = async (url, { method, headers, body }) => {
    asked.push({ url, method, headers, body });
    return { ok: true, status: 200, headers: new Headers(), text: async () => '{"seq":7}' };
  };
  const { connect } = panel({ fetch, AbortController, setTimeout, clearTimeout });
  const lib = connect("http://127.0.0.1:4700/", { token: "t" });
  assert.equal((await lib.events.last()).seq, 7);
  assert.equal(asked[0].url, "http://127.0.0.1:4700/v1/events.last");
  assert.equal(asked[0].method, "POST");
  assert.equal(asked[0].body, "{}");
  assert.equal(asked[0].headers.Authorization, "Bearer t");
  await lib.close();
});

test("no file of the HTTP client imports what is Node's", () => {
  const seen = new Set();
  const todo = [inside("http.js")];
  while (todo.length > 0) {
    const file = todo.pop();
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(new URL(file), "utf8");
    for (const [, name] of text.matchAll(/(?<![.\w])(?:from|import)\s*\(?"([^"]+)"/g)) {
      assert.match(name, /^\.\/.*\.js$/, `${file} imports ${name}`);
      todo.push(new URL(name, file).href);
    }
    assert.doesNotMatch(text, /\b(process|Buffer|TextDecoder|EventSource|require)\b[.(]/, file);
  }
  assert.ok(seen.size > 5, [...seen].join());
});
