// What the tests share: libraries that are tidied away, small media, and a gateway of their own.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { open } from "emam";

/** The project's folder: these tests may run as a copy beside an installed package. */
export const root = process.env.EMAM_ROOT ?? fileURLToPath(new URL("../..", import.meta.url));

/** The operation table, as the generators write it. */
export const api = JSON.parse(readFileSync(join(root, "docs/reference/api.json"), "utf8"));

/** A file of the installed package beside its entry. */
export const inside = (name) => new URL(name, import.meta.resolve("emam")).href;

/** A folder for one test file. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "emam-node-"));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A library of its own that is closed when the test ends. */
export async function library(t, options) {
  const path = mkdtempSync(join(tmpdir(), "emam-node-"));
  const lib = await open(path, options);
  t.after(async () => {
    await lib.close();
    rmSync(path, { recursive: true, force: true });
  });
  return lib;
}

/** Whether tests that make media can run; else why not, for the runner to show. */
export const noMedia = spawnSync("ffmpeg", ["-version"]).error
  ? "ffmpeg is not on the PATH, so no clip can be made"
  : false;

/** Makes a clip of pictures and a tone. */
export function clip(path, seconds = 2) {
  if (!existsSync(path)) {
    const lavfi = ["-f", "lavfi", "-i"];
    const pictures = `testsrc2=s=192x108:r=25:d=${seconds}`;
    const made = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path];
    const from = [...lavfi, pictures, ...lavfi, `sine=d=${seconds}`];
    execFileSync("ffmpeg", ["-v", "error", "-y", ...from, ...made]);
  }
  return path;
}

/** A server that answers as the test says: `answer(request, body)` gives status, headers, body. */
export async function server(t, answer) {
  const requests = [];
  const http = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", async () => {
      const { method, url: path, headers } = request;
      const asked = { method, path, headers, body: Buffer.concat(parts) };
      requests.push(asked);
      const said = await answer(asked, requests.length);
      if (said === "hang up") return response.destroy();
      const { status = 200, headers: more = {}, body = "" } = said;
      response.writeHead(status, more);
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${http.address().port}`, requests };
}

/** Waits for a rejection with an `EmamError` of a kind and gives it. */
export async function refused(promise, code) {
  try {
    await promise;
  } catch (error) {
    assert.equal(error.name, "EmamError", error);
    assert.equal(error.code, code, error);
    return error;
  }
  return assert.fail(`it was not refused with ${code}`);
}
