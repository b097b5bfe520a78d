// `npx emam serve`, and the README's example through it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { connect } from "emam/http";

import { clip, folder, inside, noMedia, refused, root } from "./support.mjs";

const program = fileURLToPath(new URL("../../bin/emam.js", inside("native.js")));
const token = "a-token-for-tests";

test("the README's example through emam serve", { skip: noMedia }, async (t) => {
  const home = folder();
  const film = join(home, "clip.mov");
  clip(film, 3);
  const arguments_ = ["serve", "--library", "media", "--bind", "127.0.0.1:0", "--token", token];
  const server = spawn(process.execPath, [program, ...arguments_], {
    cwd: home,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  t.after(() => server.kill("SIGKILL"));
  const lines = createInterface({ input: server.stdout });
  const url = await new Promise((resolve) => lines.once("line", resolve));

  await refused(connect(url).events.last(), "unauthenticated");
  await refused(connect(url, { token: `${token}x` }).events.last(), "unauthenticated");

  const example = readFileSync(join(root, "examples/node/quickstart.mjs"), "utf8");
  const [, shown] = /\/\/ readme:start\n(.*)\/\/ readme:end/s.exec(example);
  const [head, body] = [/^import \{ open \} from "emam";\n/, 'open("media")'];
  assert.match(shown, head);
  assert.ok(shown.includes(body));
  const out = join(home, "rough.otio");
  const code = shown
    .replace(head, "")
    .replace(body, "connect(url, { token })")
    .replace('"rough.otio"', JSON.stringify(out));
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction("connect", "url", "token", "clip", code)(connect, url, token, film);
  assert.ok(existsSync(out));

  server.kill("SIGTERM");
  assert.equal(await ended, 0);
});
