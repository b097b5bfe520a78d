// The whole table of errors, built alike by both transports.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EmamError } from "emam";
import { connect } from "emam/http";

import { api, inside, library, refused, server } from "./support.mjs";

const { fromJson } = await import(inside("errors.js"));

/** An error of each kind, as the library writes it. */
function info({ kind, retryable }) {
  const facts = [
    ["id", "0190"],
    ["path", "/a b/ü"],
  ];
  const wait = kind === "rate_limited" ? { retry_after_ms: 1500 } : {};
  const causes = ["disk on fire", "heat"];
  const message = "one sentence";
  return { kind, operation: "assets.get", message, retryable, ...wait, context: facts, causes };
}

function check(error, of) {
  assert.ok(error instanceof EmamError && error instanceof Error);
  assert.equal(error.name, "EmamError");
  assert.equal(error.code, of.kind);
  assert.equal(error.operation, "assets.get");
  assert.equal(error.retryable, of.retryable);
  assert.equal(error.retry_after_ms, of.retry_after_ms);
  assert.deepEqual(error.context, { id: "0190", path: "/a b/ü" });
  assert.deepEqual(error.causes, ["disk on fire", "heat"]);
  const sentence = `${of.kind} in assets.get: one sentence (id: 0190, path: /a b/ü)`;
  assert.equal(error.message, sentence);
  assert.deepEqual(error.toJSON(), of);
  assert.match(error.stack, /^EmamError: /);
}

for (const kind of api.errors) {
  test(`${kind.kind} is the same over both transports`, async (t) => {
    const of = info(kind);
    check(fromJson(JSON.stringify(of)), of);
    const problem = { type: "about:blank", title: "x", status: 500, detail: "y", ...of };
    const headers = { "Content-Type": "application/problem+json" };
    const { url } = await server(t, () => ({ status: 500, headers, body: problem }));
    const error = await refused(connect(url).assets.get("0190"), kind.kind);
    check(error, of);
  });
}

test("an error knows who called", async (t) => {
  const lib = await library(t);
  async function askingForNothing() {
    await lib.assets.get("nope");
  }
  const error = await refused(askingForNothing(), "invalid_input");
  assert.match(error.stack, /askingForNothing/);
  assert.match(error.stack, /errors\.test\.mjs/);
});

test("an error in a record is a plain record", async (t) => {
  const lib = await library(t);
  const { refused: missing } = await lib.assets.ingestAll(["/nowhere.mov"]);
  assert.equal(missing[0].error.kind, "not_found");
  assert.ok(!(missing[0].error instanceof Error));
  assert.equal(new EmamError(missing[0].error).code, "not_found");
});
