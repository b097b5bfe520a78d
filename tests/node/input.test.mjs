// Bad input: named, by the library where JSON has it, by the client where JSON has it not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect } from "emam/http";

import { library, refused, server } from "./support.mjs";

test("what the library does not know is named", async (t) => {
  const lib = await library(t);
  for (const [call, at] of [
    [() => lib.assets.ingest("a.mov", { tagz: ["x"] }), "tagz"],
    [() => lib.assets.search("x", { colour: "red" }).first(), "colour"],
    [() => lib.projects.list({ size: 1 }).first(), "size"],
    [() => lib.projects.get("0190", { deep: true }), "deep"],
    [() => lib.categories.list({ all: true }), "all"],
    [() => lib.events.last({ first: 1 }), "first"],
    [() => lib.assets.search("x", { kinds: ["Video"] }).first(), "Video"],
    [() => lib.assets.search("x", { kinds: "video" }).first(), "video"],
    [() => lib.assets.search(7).first(), "7"],
    [() => lib.assets.get(), "id"],
    [() => lib.assets.get(null), "null"],
    [() => lib.assets.ingest({ path: "a.mov" }), "map"],
    [() => lib.projects.create(["Promo"]), "sequence"],
    [() => lib.events.list({ after: "5" }), "after"],
    [() => lib.events.list({ after: 1.5 }), "1.5"],
    [() => lib.events.list({ after: 2 ** 70 }), "after"],
    [() => lib.events.list({ after: -1 }), "after"],
    [() => lib.projects.create("a\ud800b"), "no JSON"],
    [() => lib.projects.update("\udc00", { name: "x" }), "no JSON"],
  ]) {
    const error = await refused(call(), "invalid_input");
    assert.ok(`${error.message} ${JSON.stringify(error.causes)}`.includes(at), `${call}: ${error}`);
  }
  assert.deepEqual((await lib.projects.list().first()).items, []);
});

/** Values that are not JSON, and where they are refused. */
const STRANGE = [
  [{ rating: NaN }, "patch.rating"],
  [{ rating: Infinity }, "patch.rating"],
  [{ rating: 5n }, "patch.rating"],
  [{ metadata: { a: [1, { b: -Infinity }] } }, "patch.metadata.a[1].b"],
  [{ metadata: { f: () => 1 } }, "patch.metadata.f"],
  [{ metadata: { s: Symbol("s") } }, "patch.metadata.s"],
  [{ metadata: new Map([["a", 1]]) }, "patch.metadata"],
  [{ tags: new Set(["a"]) }, "patch.tags"],
  [{ metadata: { bytes: new Uint8Array(2) } }, "patch.metadata.bytes"],
];

test("what JSON has not is refused by its place, whatever the transport", async (t) => {
  const { url, requests } = await server(t, () => ({ body: {} }));
  for (const lib of [await library(t), connect(url)]) {
    for (const [patch, at] of STRANGE) {
      const error = await refused(lib.assets.update("0190", patch), "invalid_input");
      assert.equal(error.operation, "assets.update");
      assert.equal(error.context.at, at);
    }
    const round = {};
    round.round = [round];
    const error = await refused(lib.assets.update("0", { metadata: round }), "invalid_input");
    assert.equal(error.context.at, "patch.metadata.round[0]");
  }
  assert.equal(requests.length, 0);
});

test("what JSON writes in its own way is taken", async (t) => {
  const lib = await library(t);
  const { id } = await lib.projects.create("P");
  const same = { a: 1 };
  const when = new Date(0);
  const given = { when, none: undefined, twice: [same, same], bare: Object.create(null) };
  await lib.projects.update(id, { metadata: { given } });
  const { metadata } = await lib.projects.get(id);
  const bare = {};
  const read = { when: "1970-01-01T00:00:00.000Z", twice: [same, same], bare };
  assert.deepEqual(metadata.given, read);
});

test("a closed library refuses everything and can be closed again", async (t) => {
  const lib = await library(t);
  await lib.close();
  await lib.close();
  await refused(lib.projects.create("P"), "conflict");
  await refused(lib.events.follow().next(), "conflict");
  await refused(lib.assets.search("x").first(), "conflict");
});
