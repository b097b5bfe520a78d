// The event log: read, followed, and left.

import assert from "node:assert/strict";
import { test } from "node:test";

import { library } from "./support.mjs";

test("the log is followed through what is there and what comes", async (t) => {
  const lib = await library(t);
  await lib.projects.create("before");
  const seen = [];
  const later = setTimeout(() => lib.projects.create("after"), 100);
  t.after(() => clearTimeout(later));
  for await (const event of lib.events.follow()) {
    seen.push(event);
    if (seen.filter(({ topic }) => topic === "project.created").length === 2) break;
  }
  const numbers = seen.map(({ seq }) => seq);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  assert.equal(new Set(numbers).size, numbers.length);

  // Going on from an event misses none and repeats none.
  const { seq } = await lib.events.last();
  const next = lib.events.follow({ after: seq })[Symbol.asyncIterator]();
  const coming = next.next();
  await lib.categories.create("Rain");
  const { value, done } = await coming;
  assert.equal(done, false);
  assert.ok(value.seq > seq);
  assert.equal(value.topic, "category.created");
  await next.return();
});

test("asking for events waits as long as one says", async (t) => {
  const lib = await library(t);
  const begun = performance.now();
  assert.deepEqual(await lib.events.list({ wait_ms: 80 }), []);
  const waited = performance.now() - begun;
  assert.ok(waited >= 70 && waited < 2000, `${waited} ms`);
  assert.deepEqual(await lib.events.list(), []);
});

test("10,000 events pass one by one", async (t) => {
  const lib = await library(t);
  const { root_bin: bin } = await lib.projects.create("P");
  for (let change = 0; change < 300; change++) await lib.bins.update(bin, { name: `B${change}` });
  const { seq: last } = await lib.events.last();
  let count = 0;
  for (let round = 0; count < 10_000; round++) {
    for await (const event of lib.events.follow()) {
      count += 1;
      if (event.seq === last) break;
    }
    assert.ok(round < 100);
  }
  assert.ok(count >= 10_000);
});
