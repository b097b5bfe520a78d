// The HTTP client against a real gateway: a process of its own beside the native library, which
// works on the runs. EMAM_GATEWAY names the program (`gateway_child` of the tests).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { open } from "emam";
import { connect } from "emam/http";

import { api, clip, folder, noMedia, refused, root } from "./support.mjs";

const program = process.env.EMAM_GATEWAY ?? join(root, "target/debug/gateway_child");
const skip = existsSync(program) ? false : `there is no gateway at ${program}; set EMAM_GATEWAY`;
const media = skip || noMedia;
const home = folder();
let native;
let child;
let lib;
let url;

before(async () => {
  if (skip) return;
  native = await open(join(home, "library"));
  child = spawn(program, [join(home, "library")], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  [url] = await new Promise((resolve) => lines.once("line", (...line) => resolve(line)));
  lib = connect(url);
});

after(async () => {
  if (skip) return;
  await lib.close();
  child.stdin.end();
  await new Promise((resolve) => child.on("close", resolve));
  await native.close();
});

test("both transports see one library", { skip }, async () => {
  const made = await lib.projects.create("Über HTTP");
  assert.deepEqual(await native.projects.get(made.id), made);
  for (let number = 0; number < 5; number++) await native.projects.create(`P${number}`);
  const names = [];
  for await (const { name } of lib.projects.list({ limit: 2 })) names.push(name);
  assert.deepEqual(names, ["P4", "P3", "P2", "P1", "P0", "Über HTTP"]);
  assert.equal(await lib.projects.delete(made.id), undefined);
});

test("both transports give the same errors", { skip }, async () => {
  const id = "01a205c7-5ecd-77d6-8ac0-30842c8b39a4";
  for (const call of [
    (of) => of.assets.get(id),
    (of) => of.assets.get("nope"),
    (of) => of.assets.ingest("a.mov", { tagz: ["x"] }),
    (of) => of.assets.ingest("/nowhere.mov"),
    (of) => of.assets.search("x", { kinds: ["Video"] }).first(),
    (of) => of.projects.list({ limit: 0 }).first(),
    (of) => of.projects.create("a\ud800b"),
    (of) => of.events.list({ after: 2 ** 70 }),
    (of) => of.runs.join(id, { timeout_ms: 5000 }),
  ]) {
    const errors = [];
    for (const of of [native, lib]) {
      const error = await call(of).then(assert.fail, (error) => error);
      errors.push({ ...error, message: error.message, name: error.name, stack: undefined });
    }
    assert.deepEqual(errors[1], errors[0], `${call}`);
    assert.ok(api.errors.some(({ kind }) => kind === errors[0].code));
  }
});

test("events are followed across the wire", { skip }, async () => {
  const { seq } = await lib.events.last();
  const seen = [];
  const later = setTimeout(() => native.categories.create("Rain"), 200);
  for await (const { topic } of lib.events.follow({ after: seq })) {
    seen.push(topic);
    if (topic === "category.created") break;
  }
  clearTimeout(later);
  assert.equal(seen.at(-1), "category.created");
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 100);
  const follow = lib.events.follow({ after: 1e6, signal: controller.signal });
  await assert.rejects(follow.next(), { name: "AbortError" });
});

test("an upload becomes an asset whose media can be read", { skip: media }, async () => {
  const film = readFileSync(clip(join(home, "film.mp4")));
  const options = { filename: "Käse, 1.mp4", tags: ["rain"], piece_bytes: 20_000 };
  const upload = lib.upload(new Blob([film]), options);
  const told = [];
  for await (const { sent } of upload.progress()) told.push(sent);
  assert.ok(told.length > 2 && told.at(-1) === film.length, told.join());
  const run = await upload.run();
  const steps = [];
  for await (const { step } of run.progress()) steps.push(step);
  const asset = await run.result({ timeout_ms: 60_000 });
  assert.deepEqual([asset.kind, asset.file_name, asset.tags], ["video", "Käse, 1.mp4", ["rain"]]);
  assert.equal(asset.id, run.asset);
  assert.deepEqual(asset, await native.assets.get(asset.id));

  const { url: address, expires_at } = await lib.mediaUrl(asset.id, "original", { ttl_s: 60 });
  assert.ok(address.startsWith(url), address);
  assert.ok(Date.parse(expires_at) > Date.now());
  const whole = await fetch(address);
  assert.ok(Buffer.from(await whole.arrayBuffer()).equals(film));
  const part = await fetch(address, { headers: { Range: "bytes=10-19" } });
  assert.equal(part.status, 206);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(film.subarray(10, 20)));
});

test("an upload is gone on with after a break", { skip: media }, async () => {
  const film = readFileSync(clip(join(home, "other.mp4"), 3));
  const options = { filename: "other.mp4", piece_bytes: 30_000 };
  const first = lib.upload(film, options);
  for await (const { sent } of first.progress()) if (sent >= 60_000) break;
  const again = lib.upload(film, { ...options, resume: first.url });
  const asset = await (await again.run()).result({ timeout_ms: 60_000 });
  assert.equal(asset.media.size, film.length);

  const given = lib.upload(film, options);
  for await (const _ of given.progress()) break;
  const at = given.url;
  await given.cancel();
  await refused(lib.upload(film, { ...options, resume: at }).run(), "not_found");
});

test("a hundred calls at once", { skip }, async () => {
  const names = Array.from({ length: 100 }, (_, number) => `Q${number}`);
  const made = await Promise.all(names.map((name) => lib.projects.create(name)));
  assert.equal(new Set(made.map(({ id }) => id)).size, 100);
});
