// Uploads by tus 1.0, against a small server of it that can be told to fail.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { connect } from "emam/http";

import { refused, server } from "./support.mjs";

/** A tus server that keeps one upload; `trouble` may answer, or take part of a piece, instead. */
async function tus(t, trouble = () => undefined) {
  const state = { length: 0, bytes: Buffer.alloc(0), metadata: "", gone: false };
  const tell = () => {
    const headers = { "Tus-Resumable": "1.0.0", "Upload-Offset": `${state.bytes.length}` };
    if (state.length === state.bytes.length) {
      Object.assign(headers, { "Emam-Run": "run-1", "Emam-Asset": "asset-1" });
    }
    return headers;
  };
  const gateway = await server(t, (request, number) => {
    const { method, path, headers, body } = request;
    if (path === "/v1/runs.join") return { body: { id: "asset-1", title: "sent" } };
    assert.equal(headers["tus-resumable"], "1.0.0");
    assert.equal(headers.authorization, "Bearer t");
    const instead = trouble({ ...request, number, state });
    if (instead !== undefined) return instead;
    if (method === "POST") {
      state.length = Number(headers["upload-length"]);
      state.metadata = headers["upload-metadata"];
      return { status: 201, headers: { ...tell(), Location: "/v1/uploads/u1" } };
    }
    assert.equal(path, "/v1/uploads/u1");
    if (method === "DELETE") {
      state.gone = true;
      return { status: 204 };
    }
    if (method === "PATCH") {
      assert.equal(headers["content-type"], "application/offset+octet-stream");
      if (Number(headers["upload-offset"]) !== state.bytes.length) return problem(409, "conflict");
      state.bytes = Buffer.concat([state.bytes, body]);
    }
    return { status: method === "HEAD" ? 200 : 204, headers: tell() };
  });
  return { ...gateway, state, lib: connect(gateway.url, { token: "t" }) };
}

function problem(status, kind) {
  const info = { kind, operation: "uploads.send", message: "x", retryable: false };
  return { status, body: { ...info, context: [], causes: [] } };
}

function metadata(text) {
  const pairs = text.split(",").map((pair) => pair.split(" "));
  return Object.fromEntries(pairs.map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}

test("bytes arrive in pieces, with a name and options, and become a run", async (t) => {
  const { lib, state, requests } = await tus(t);
  const data = randomBytes(2500);
  const options = { filename: "Käse, 1.mov", tags: ["rain"], title: undefined, piece_bytes: 1000 };
  const upload = lib.upload(data, options);
  const told = [];
  for await (const progress of upload.progress()) told.push(progress);
  assert.deepEqual(told.map(({ sent }) => sent), [1000, 2000, 2500]);
  assert.ok(told.every(({ size }) => size === 2500));
  assert.ok(state.bytes.equals(data));
  const { filename, options: sent } = metadata(state.metadata);
  assert.equal(filename, "Käse, 1.mov");
  assert.deepEqual(JSON.parse(sent), { tags: ["rain"] });
  const run = await upload.run();
  assert.deepEqual([run.id, run.asset], ["run-1", "asset-1"]);
  assert.equal((await run.result()).title, "sent");
  assert.deepEqual(requests.map(({ method }) => method), ["POST", "PATCH", "PATCH", "PATCH", "POST"]);
});

test("blobs, buffers and nothing at all can be sent", async (t) => {
  for (const [data, wanted] of [
    [new Blob(["abc", "def"]), "abcdef"],
    [new TextEncoder().encode("ghi").buffer, "ghi"],
    [new Uint8Array(0), ""],
  ]) {
    const { lib, state } = await tus(t);
    const run = await lib.upload(data, { filename: "a", piece_bytes: 4 }).run();
    assert.equal(run.id, "run-1");
    assert.equal(state.bytes.toString(), wanted);
  }
});

test("a broken connection is gone on from where the gateway is", async (t) => {
  const { lib, state, requests } = await tus(t, ({ method, number, body, state }) => {
    if (method === "PATCH" && number === 3) {
      state.bytes = Buffer.concat([state.bytes, body.subarray(0, 300)]);
      return "hang up";
    }
    return number === 4 ? "hang up" : undefined;
  });
  const data = randomBytes(3000);
  const run = await lib.upload(data, { filename: "a.mov", piece_bytes: 1000 }).run();
  assert.equal(run.id, "run-1");
  assert.ok(state.bytes.equals(data));
  const methods = requests.map(({ method }) => method);
  assert.deepEqual(methods.slice(0, 6), ["POST", "PATCH", "PATCH", "HEAD", "HEAD", "PATCH"]);
  assert.equal(requests[5].headers["upload-offset"], "1300");
});

test("the answer to the last piece may be lost", async (t) => {
  const { lib, state, requests } = await tus(t, ({ method, body, state }) => {
    if (method !== "PATCH") return undefined;
    state.bytes = Buffer.concat([state.bytes, body]);
    return "hang up";
  });
  const run = await lib.upload(Buffer.from("abc"), { filename: "a.mov" }).run();
  assert.equal(run.id, "run-1");
  assert.equal(state.bytes.toString(), "abc");
  assert.deepEqual(requests.map(({ method }) => method), ["POST", "PATCH", "HEAD"]);
});

test("an upload begun earlier is gone on with", async (t) => {
  const { lib, state } = await tus(t);
  const data = randomBytes(2000);
  const first = lib.upload(data, { filename: "a.mov", piece_bytes: 500 });
  for await (const _ of first.progress()) break;
  assert.equal(state.bytes.length, 500);
  const second = lib.upload(data, { filename: "a.mov", resume: first.url });
  assert.equal((await second.run()).id, "run-1");
  assert.ok(state.bytes.equals(data));
});

test("two who ask move it once", async (t) => {
  const { lib, state, requests } = await tus(t);
  const upload = lib.upload(Buffer.alloc(40), { filename: "a.mov", piece_bytes: 10 });
  const runs = await Promise.all([upload.run(), upload.run(), upload.run()]);
  assert.ok(runs.every((run) => run === runs[0]));
  assert.equal(state.bytes.length, 40);
  assert.equal(requests.length, 5);
});

test("what cannot be mended is told", async (t) => {
  const full = await tus(t, () => problem(413, "invalid_input"));
  await refused(full.lib.upload(Buffer.alloc(4), { filename: "a" }).run(), "invalid_input");
  assert.equal(full.requests.length, 1);

  const strange = connect(full.url, { token: "t" }).upload(Buffer.alloc(4), {
    filename: "a",
    priority: NaN,
  });
  await refused(strange.run(), "invalid_input");
  assert.equal(full.requests.length, 1);
});

test("an upload is aborted and given up", async (t) => {
  const controller = new AbortController();
  const { lib, state } = await tus(t, ({ method }) => {
    if (method === "PATCH") controller.abort();
    return undefined;
  });
  const { signal } = controller;
  const upload = lib.upload(Buffer.alloc(40), { filename: "a.mov", piece_bytes: 10, signal });
  await assert.rejects(upload.run(), { name: "AbortError" });
  await upload.cancel({ signal: new AbortController().signal });
  assert.equal(state.gone, true);
  assert.equal(upload.url, undefined);
});
