// Calls that are broken off by an AbortSignal.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { open } from "emam";

import { folder, library } from "./support.mjs";

const late = { after: 1_000_000, wait_ms: 60_000 };

test("a signal that is aborted already rejects at once", async (t) => {
  const lib = await library(t);
  const signal = AbortSignal.abort();
  await assert.rejects(lib.events.list({ ...late, signal }), { name: "AbortError" });
  await assert.rejects(lib.projects.create("no", { signal }), { name: "AbortError" });
  await assert.rejects(lib.assets.search("x", { signal }).first(), { name: "AbortError" });
  await assert.rejects(lib.assets.ingest("x.mov", { signal }), { name: "AbortError" });
  await assert.rejects(open(folder(), { signal }), { name: "AbortError" });
  assert.equal((await lib.projects.list().first()).items.length, 0);
});

test("a later abort breaks the call off", async (t) => {
  const lib = await library(t);
  const controller = new AbortController();
  const { signal } = controller;
  setTimeout(() => controller.abort(), 50);
  const begun = performance.now();
  await assert.rejects(lib.events.list({ ...late, signal }), { name: "AbortError" });
  assert.ok(performance.now() - begun < 5000);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("the reason of the signal is what the call rejects with", async (t) => {
  const lib = await library(t);
  const reason = new Error("the user went home");
  const controller = new AbortController();
  const waiting = lib.events.list({ ...late, signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(lib.events.last({ signal: AbortSignal.abort(reason) }), (error) => {
    return error === reason;
  });
  const signal = AbortSignal.timeout(30);
  await assert.rejects(lib.events.list({ ...late, signal }), { name: "TimeoutError" });
});

test("iterators end with the signal", async (t) => {
  const lib = await library(t);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const follow = lib.events.follow({ after: 1_000_000, signal: controller.signal });
  await assert.rejects(follow.next(), { name: "AbortError" });
  assert.deepEqual(await follow.next(), { value: undefined, done: true });
});

const warnings = [];
process.on("warning", (warning) => warnings.push(warning));

test("a signal that is never used changes nothing, however many calls share it", async (t) => {
  const lib = await library(t);
  const { signal } = new AbortController();
  const calls = Array.from({ length: 50 }, () => lib.events.last({ signal }));
  assert.deepEqual(await Promise.all(calls), Array(50).fill({ seq: 0 }));
  assert.equal(getEventListeners(signal, "abort").length, 0);
  await assert.rejects(lib.projects.get("nope", { signal }), { code: "invalid_input" });
});

test("aborting drops the work in the library", async (t) => {
  const lib = await library(t);
  const controller = new AbortController();
  const waits = Array.from({ length: 200 }, () =>
    lib.events.list({ ...late, signal: controller.signal }).catch(({ name }) => name),
  );
  await lib.events.last();
  controller.abort();
  assert.deepEqual(await Promise.all(waits), Array(200).fill("AbortError"));
  assert.deepEqual(await lib.events.last(), { seq: 0 });
  assert.deepEqual(warnings, []);
});
