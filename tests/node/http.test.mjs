// The HTTP client's side of the protocol, against a server that says what the test wants.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EmamError } from "emam";
import { connect } from "emam/http";

import { refused, server } from "./support.mjs";

test("an operation is a POST of its parameters", async (t) => {
  const { url, requests } = await server(t, () => ({ body: { id: "1", title: "Regen ☔" } }));
  const lib = connect(`${url}/`, { token: "secret" });
  const asset = await lib.assets.update("1", { title: "Regen ☔", tags: undefined });
  assert.equal(asset.title, "Regen ☔");
  const [{ method, path, headers, body }] = requests;
  assert.deepEqual([method, path], ["POST", "/v1/assets.update"]);
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers.authorization, "Bearer secret");
  assert.deepEqual(JSON.parse(body), { id: "1", patch: { title: "Regen ☔" } });
});

test("pages ask with the cursor of the one before", async (t) => {
  const pages = { undefined: { items: [1, 2], next: "b" }, b: { items: [3] } };
  const { url, requests } = await server(t, ({ body }) => {
    return { body: pages[JSON.parse(body).page.cursor] };
  });
  const items = [];
  for await (const item of connect(url).projects.list({ limit: 2 })) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
  assert.deepEqual(requests.map(({ body }) => JSON.parse(body).page), [
    { limit: 2 },
    { limit: 2, cursor: "b" },
  ]);
  assert.equal(requests[0].headers.authorization, undefined);
});

test("a run is watched by asking for other news than was seen", async (t) => {
  const news = [
    { progress: { step: "store", fraction: 0.5 }, ended: false },
    { ended: false },
    { progress: { step: "probe", fraction: 1 }, ended: true },
  ];
  const { url, requests } = await server(t, ({ path, body }, number) => {
    if (path.endsWith("assets.ingest")) return { body: { run: "r", asset: "a" } };
    if (path.endsWith("runs.progress")) return { body: news[number - 2] };
    const late = { kind: "timeout", operation: "runs.wait", message: "x", retryable: true };
    if (number === 5) return { status: 504, body: { ...late, context: [], causes: [] } };
    assert.equal(JSON.parse(body).id, "r");
    return { body: { id: "a", title: "clip" } };
  });
  const run = await connect(url).assets.ingest("/media/clip.mov");
  assert.deepEqual([run.id, run.asset], ["r", "a"]);
  const seen = [];
  for await (const { step } of run.progress()) seen.push(step);
  assert.deepEqual(seen, ["store", "probe"]);
  const asked = requests.slice(1).map(({ body }) => JSON.parse(body));
  assert.deepEqual(asked.map((params) => params.seen?.step), [undefined, "store", "store"]);
  assert.ok(asked.every(({ timeout_ms }) => timeout_ms > 0 && timeout_ms <= 30_000));
  assert.equal((await run.result()).title, "clip");
  assert.deepEqual(requests.slice(4).map(({ path }) => path), ["/v1/runs.join", "/v1/runs.join"]);
});

test("events are followed by long polls from the last one handled", async (t) => {
  const log = [[{ seq: 3 }, { seq: 4 }], [], [{ seq: 9 }]];
  const { url, requests } = await server(t, (_, number) => ({ body: log[number - 1] }));
  const seen = [];
  for await (const { seq } of connect(url).events.follow({ after: 2 })) {
    seen.push(seq);
    if (seq === 9) break;
  }
  assert.deepEqual(seen, [3, 4, 9]);
  assert.deepEqual(requests.map(({ body }) => JSON.parse(body).after), [2, 4, 4]);
  assert.ok(requests.every(({ body }) => JSON.parse(body).wait_ms > 1000));
});

test("what answers in the gateway's stead is an error too", async (t) => {
  for (const [status, code, retryable] of [
    [401, "unauthenticated", false],
    [404, "not_found", false],
    [413, "invalid_input", false],
    [429, "rate_limited", true],
    [502, "unavailable", true],
    [504, "timeout", true],
    [418, "unexpected", false],
  ]) {
    const { url } = await server(t, () => ({ status, body: "<h1>proxy</h1>" }));
    const error = await refused(connect(url).assets.get("1"), code);
    assert.equal(error.operation, "assets.get");
    assert.equal(error.retryable, retryable);
    assert.deepEqual(error.context, { status: String(status), answer: "<h1>proxy</h1>" });
  }
  const { url } = await server(t, () => ({ body: "<h1>sign in</h1>" }));
  await refused(connect(url).assets.get("1"), "unexpected");
});

test("a gateway that cannot be reached is unavailable", async (t) => {
  const { url } = await server(t, () => "hang up");
  for (const address of ["http://127.0.0.1:1", url]) {
    const error = await refused(connect(address).events.last(), "unavailable");
    assert.equal(error.retryable, true);
    assert.equal(error.context.url, address);
    assert.ok(error.cause instanceof Error);
    assert.equal(error.causes.length, 1);
  }
});

test("no answer in time is a timeout, and a signal an abort", async (t) => {
  const { url } = await server(t, () => new Promise(() => {}));
  const lib = connect(url, { timeout_ms: 50 });
  await refused(lib.events.last(), "timeout");
  const patient = connect(url);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 30);
  const { signal } = controller;
  await assert.rejects(patient.events.last({ signal }), { name: "AbortError" });
  await assert.rejects(patient.events.last({ signal }), { name: "AbortError" });
  const reason = new Error("gone");
  const aborted = AbortSignal.abort(reason);
  await assert.rejects(patient.events.last({ signal: aborted }), (error) => error === reason);
});

test("closing rejects what waits and what comes", async (t) => {
  const { url } = await server(t, () => new Promise(() => {}));
  const lib = connect(url);
  const waiting = refused(lib.events.follow().next(), "conflict");
  await new Promise((later) => setTimeout(later, 30));
  await lib.close();
  await waiting;
  const error = await refused(lib.events.last(), "conflict");
  assert.ok(error instanceof EmamError);
});

test("another fetch is used where one is given", async () => {
  const fetch = async () => new Response('{"seq":1}');
  assert.deepEqual(await connect("http://nowhere", { fetch }).events.last(), { seq: 1 });
});

test("a media address is made whole", async (t) => {
  const expires_at = "2026-11-23T00:00:00Z";
  const { url, requests } = await server(t, () => {
    return { body: { url: "/v1/media/a/proxy?exp=1&sig=x", expires_at } };
  });
  const made = await connect(url).mediaUrl("a", "proxy", { ttl_s: 60 });
  assert.deepEqual(made, { url: `${url}/v1/media/a/proxy?exp=1&sig=x`, expires_at });
  assert.equal(requests[0].path, "/v1/media-url");
  assert.deepEqual(JSON.parse(requests[0].body), { asset: "a", role: "proxy", ttl_s: 60 });
});
