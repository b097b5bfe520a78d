// Every shape an operation gives, but runs: records, nothing, lists, pages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { open } from "emam";

import { folder, library, refused } from "./support.mjs";

test("a record is a plain object, and nothing is nothing", async (t) => {
  const lib = await library(t);
  const made = await lib.projects.create("Promo");
  assert.equal(made.name, "Promo");
  assert.equal(Object.getPrototypeOf(made), Object.prototype);
  assert.deepEqual(await lib.projects.get(made.id), made);
  assert.equal(await lib.projects.delete(made.id), undefined);
  const error = await refused(lib.projects.get(made.id), "not_found");
  assert.equal(error.operation, "projects.get");
  assert.equal(error.context.id, made.id);
});

test("options go where the operation wants them", async (t) => {
  const lib = await library(t);
  const above = await lib.categories.create("Weather");
  const below = await lib.categories.create("Rain", { parent: above.id });
  assert.equal(below.parent, above.id);
  const moved = await lib.categories.update(below.id, { to_top: true, revision: 1 });
  assert.equal(moved.parent ?? null, null);
  await refused(lib.categories.update(below.id, { name: "stale", revision: 1 }), "conflict");
  assert.deepEqual((await lib.categories.list()).map(({ name }) => name), ["Rain", "Weather"]);
});

test("unicode survives, and null bytes in a value too", async (t) => {
  const lib = await library(t);
  const name = "Grüße 🎬 \u2028 日本語 \u{10FFFF}";
  const { id } = await lib.projects.create(name);
  const metadata = { "schlüssel \"'": ["\u0000", 1.5, null, true, { tief: [[]] }] };
  await lib.projects.update(id, { metadata });
  const read = await lib.projects.get(id);
  assert.equal(read.name, name);
  assert.deepEqual(read.metadata, metadata);
});

test("pages are read as one goes through them", async (t) => {
  const lib = await library(t);
  for (let number = 0; number < 7; number++) await lib.projects.create(`P${number}`);
  const names = [];
  for await (const { name } of lib.projects.list({ limit: 3 })) names.push(name);
  assert.deepEqual(names, ["P6", "P5", "P4", "P3", "P2", "P1", "P0"]);

  const list = lib.projects.list({ limit: 3 });
  const sizes = [];
  for await (const page of list.pages()) sizes.push(page.items.length);
  assert.deepEqual(sizes, [3, 3, 1]);
  const first = await list.first();
  assert.equal(first.items.length, 3);
  assert.equal(typeof first.next, "string");

  const rest = [];
  for await (const { name } of lib.projects.list({ limit: 3, cursor: first.next })) rest.push(name);
  assert.deepEqual(rest, ["P3", "P2", "P1", "P0"]);

  for await (const { name } of list) {
    assert.equal(name, "P6");
    break;
  }
  const none = await lib.assets.search("nothing has this", { facets: ["kind"] }).first();
  assert.deepEqual([none.total, none.items], [0, []]);
});

test("a wrong page is refused where it is asked for", async (t) => {
  const lib = await library(t);
  const list = lib.projects.list({ limit: 0 });
  await refused(list.first(), "invalid_input");
  await refused(list.pages().next(), "invalid_input");
});

test("every operation can be called by its name", async (t) => {
  const lib = await library(t);
  assert.deepEqual(await lib.call("events.last"), { seq: 0 });
  const project = await lib.call("projects.create", { name: "Promo" });
  assert.equal((await lib.projects.get(project.id)).name, "Promo");
  const error = await refused(lib.call("no.such"), "not_found");
  assert.equal(error.context.operation, "no.such");
});

test("a folder is named by a path or an address, and settings by name", async () => {
  const path = folder();
  const one = await open(pathToFileURL(path), { workers: 0, lanes: { transcode: 2 } });
  const { id } = await one.projects.create("Promo");
  await one.close();
  const other = await open(path);
  assert.equal((await other.projects.get(id)).name, "Promo");
  await other[Symbol.asyncDispose]();
  await refused(other.projects.get(id), "conflict");
  const error = await refused(open(path, { worker: 4 }), "invalid_input");
  assert.match(error.message, /`worker`/);
});
