// Runs in the hand: watched, waited for, stopped, on real media.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";

import { clip, folder, library, noMedia, refused } from "./support.mjs";

const media = folder();
const film = join(media, "film.mp4");
before(() => noMedia || clip(film));

test("an ingest is watched and gives its asset", { skip: noMedia }, async (t) => {
  const lib = await library(t);
  const run = await lib.assets.ingest(film, { tags: ["rain"], title: "Film" });
  assert.match(run.id, /^[0-9a-f-]{36}$/);
  const steps = [];
  for await (const { step, fraction } of run.progress()) {
    assert.ok(fraction >= 0 && fraction <= 1, `${step} ${fraction}`);
    steps.push(step);
  }
  assert.ok(steps.length > 0);
  const asset = await run.result();
  assert.equal(asset.id, run.asset);
  assert.deepEqual([asset.kind, asset.title, asset.tags], ["video", "Film", ["rain"]]);
  assert.equal(asset.media.duration.value, 50);
  assert.equal((await lib.assets.search("rain", { kinds: ["video"] }).first()).total, 1);

  // Watching a run that has ended gives at most its last news, and its result is there again.
  const again = [];
  for await (const news of run.progress()) again.push(news);
  assert.ok(again.length <= 1, JSON.stringify(again));
  const taken = await lib.runs.handle(run.id);
  assert.deepEqual(await taken.result(), asset);
  await refused(run.cancel(), "conflict");
});

test("watching may stop early, and the run goes on", { skip: noMedia }, async (t) => {
  const lib = await library(t);
  const run = await lib.assets.ingest(film);
  for await (const _ of run.progress()) break;
  assert.equal((await run.result()).lifecycle, "ready");
});

test("many files give many runs, and tell what was refused", { skip: noMedia }, async (t) => {
  const lib = await library(t);
  const runs = await lib.assets.ingestAll([film, join(media, "missing.mov")]);
  assert.ok(Array.isArray(runs));
  assert.equal(runs.length, 1);
  assert.equal(runs.refused.length, 1);
  assert.equal(runs.refused[0].error.kind, "not_found");
  const [asset] = await Promise.all(runs.map((run) => run.result()));
  assert.equal(asset.kind, "video");
  const ids = runs.map(({ id }) => id);
  assert.equal(ids.constructor, Array);

  const stored = await lib.archive.store([asset.id], "archive");
  await Promise.all(stored.map((run) => run.result()));
  assert.equal((await lib.assets.availability(asset.id)).availability, "proxy_only");
});

test("a run that fails rejects with the error it was given up for", async (t) => {
  const lib = await library(t, { ffmpeg: "/nowhere/ffmpeg", ffprobe: "/nowhere/ffprobe" });
  const path = join(media, "sound.wav");
  writeFileSync(path, wav());
  const run = await lib.assets.ingest(path);
  const error = await refused(run.result(), "unavailable");
  assert.equal(error.context.path, "/nowhere/ffmpeg");
  assert.equal((await lib.runs.get(run.id)).state, "failed");
});

test("waiting ends when the time is over, and a run can be cancelled", async (t) => {
  const lib = await library(t, { workers: 0 });
  const path = join(media, "waits.wav");
  writeFileSync(path, wav());
  const run = await lib.assets.ingest(path);
  const begun = performance.now();
  await refused(run.result({ timeout_ms: 60 }), "timeout");
  await refused(run.result({ timeout_ms: 0 }), "timeout");
  assert.ok(performance.now() - begun >= 50);
  assert.equal((await run.cancel()).state, "cancelled");
  await refused(run.result(), "cancelled");
  const progress = [];
  for await (const news of run.progress()) progress.push(news);
  assert.ok(progress.length <= 1);
});

test("a closed library lets nobody wait", async (t) => {
  const lib = await library(t, { workers: 0 });
  const path = join(media, "closes.wav");
  writeFileSync(path, wav());
  const run = await lib.assets.ingest(path);
  const waiting = [
    refused(run.result(), "conflict"),
    refused(run.progress().next().then(() => run.result()), "conflict"),
    refused(lib.events.follow({ after: 1000 }).next(), "conflict"),
  ];
  await new Promise((later) => setTimeout(later, 50));
  await lib.close();
  await Promise.all(waiting);
  await refused(lib.runs.handle(run.id), "conflict");
});

/** A tenth of a second of silence. */
function wav() {
  const samples = Buffer.alloc(1600);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(16000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
