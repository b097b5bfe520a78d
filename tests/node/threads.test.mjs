// One library used by many at once: promises, and threads that come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { open } from "emam";

import { folder, library } from "./support.mjs";

test("a hundred promises at once", async (t) => {
  const lib = await library(t);
  const names = Array.from({ length: 100 }, (_, number) => `P${number}`);
  const made = await Promise.all(names.map((name) => lib.projects.create(name)));
  assert.equal(new Set(made.map(({ id }) => id)).size, 100);
  const read = await Promise.all(made.map(({ id }) => lib.projects.get(id)));
  assert.deepEqual(read.map(({ name }) => name), names);
  const waiting = Array.from({ length: 100 }, () => lib.events.list({ wait_ms: 50, after: 1e6 }));
  assert.deepEqual(await Promise.all(waiting), Array(100).fill([]));
});

function started(program, workerData) {
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  return new Worker(url, { workerData });
}

/** Runs a program in a thread of its own and gives how it ended. */
function thread(program, workerData) {
  const worker = started(program, workerData);
  let heard;
  worker.on("message", (message) => (heard = message));
  return new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", (code) => resolve({ code, heard }));
  });
}

const entry = import.meta.resolve("emam");

test("threads load it, use one library and end, again and again", async () => {
  const path = folder();
  const lib = await open(path);
  for (let round = 0; round < 5; round++) {
    const program = `
      import { parentPort, workerData } from "node:worker_threads";
      const { open } = await import(${JSON.stringify(entry)});
      const lib = await open(workerData);
      const { id } = await lib.projects.create("from a thread");
      if (${round} % 2 === 0) await lib.close();
      parentPort.postMessage(id);`;
    const ended = await Promise.all([thread(program, path), thread(program, path)]);
    for (const { code, heard } of ended) {
      assert.equal(code, 0);
      assert.equal((await lib.projects.get(heard)).name, "from a thread");
    }
  }
  await lib.close();
});

test("a thread that is ended while it waits and calls takes nobody with it", async () => {
  const path = folder();
  const lib = await open(path);
  const program = `
    import { parentPort, workerData } from "node:worker_threads";
    const { open } = await import(${JSON.stringify(entry)});
    const lib = await open(workerData);
    for (let wait = 0; wait < 20; wait++) lib.events.list({ after: 1e6, wait_ms: 60000 });
    const { signal } = new AbortController();
    parentPort.postMessage("waiting");
    while (true) await Promise.all([lib.events.last(), lib.events.last({ signal })]);`;
  for (let round = 0; round < 20; round++) {
    const worker = started(program, path);
    await new Promise((resolve, reject) => {
      worker.on("message", resolve);
      worker.on("error", reject);
    });
    await new Promise((later) => setTimeout(later, round));
    await worker.terminate();
    assert.deepEqual(await lib.events.last(), { seq: 0 });
  }
  await lib.close();
});
