// Processes end as they should, whatever is under way. EMAM_STRESS=1000 runs it to the full.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";

import { clip, folder, noMedia } from "./support.mjs";

const entry = JSON.stringify(import.meta.resolve("emam"));
const rounds = Number(process.env.EMAM_STRESS ?? 20);
const home = folder();
const film = join(home, "film.mp4");
before(() => noMedia || clip(film));

/** Runs a program and gives how it ended, after at most half a minute. */
function run(program, path, flags = []) {
  const begin = `import { open } from ${entry}; const lib = await open(process.argv[1]);\n`;
  const argv = [...flags, "--input-type=module", "-e", begin + program, path];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data) => (said.out += data));
  child.stderr.on("data", (data) => (said.err += data));
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...said });
    });
  });
}

/**
 * Runs it many times, four at once, and counts those that did not end as wanted. Each has one of
 * `libraries`; what one leaves undone in it the next takes up.
 */
async function stress(program, wanted, libraries) {
  const wrong = [];
  let next = 0;
  const worker = async () => {
    while (next < rounds) {
      const number = next++;
      const path = join(home, `library${wanted}-${number % libraries}`);
      const ended = await run(program, path);
      if (libraries >= rounds) rmSync(path, { recursive: true, force: true });
      if (ended.code !== wanted || ended.signal !== null || ended.err !== "") wrong.push(ended);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  assert.deepEqual(wrong, [], `${wrong.length} of ${rounds}`);
}

test(`${rounds} processes open, call and end without closing`, async () => {
  await stress(`await lib.projects.create("P");`, 0, 8);
});

test(`${rounds} processes leave with calls in flight`, async () => {
  const program = `
    for (let call = 0; call < 50; call++) {
      lib.projects.create("P" + call);
      lib.events.list({ after: 1e6, wait_ms: 60000 });
    }
    await lib.events.last();
    process.exit(7);`;
  await stress(program, 7, 8);
});

test(`${rounds} processes leave with a run under way`, { skip: noMedia }, async () => {
  const program = `
    const run = await lib.assets.ingest(${JSON.stringify(film)}, { known_content: "allow" });
    await run.progress().next();
    console.log("leaving");
    process.exit(9);`;
  await stress(program, 9, rounds);
});

test("a library that nobody closes keeps no process alive", async () => {
  const begun = performance.now();
  const ended = await run(`console.log("end");`, join(home, "kept"));
  assert.deepEqual([ended.code, ended.out, ended.err], [0, "end\n", ""]);
  assert.ok(performance.now() - begun < 10_000);
});

test("a waiting call keeps the process alive until it is answered", async () => {
  const program = `lib.events.list({ wait_ms: 300 }).then((events) => console.log(events.length));`;
  const ended = await run(program, join(home, "waits"));
  assert.deepEqual([ended.code, ended.out, ended.err], [0, "0\n", ""]);
});

const noProc = process.platform === "linux" ? false : "only Linux shows which files are open";

test("a library that is forgotten is let go of", { skip: noProc }, async () => {
  const program = `
    import { readdirSync, readlinkSync } from "node:fs";
    const link = (fd) => { try { return readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } };
    const catalogs = () => readdirSync("/proc/self/fd").map(link).filter((path) => path.endsWith("catalog.db")).length;
    const { open: again } = await import(${entry});
    for (let round = 0; round < 20; round++) await again(process.argv[1] + "/" + round);
    const most = catalogs();
    for (let wait = 0; wait < 100 && catalogs() >= most / 2; wait++) {
      gc();
      await new Promise((later) => setTimeout(later, 50));
    }
    console.log(most >= 20, catalogs() < most / 2, (await lib.events.last()).seq);`;
  const ended = await run(program, join(home, "forgotten"), ["--expose-gc"]);
  assert.deepEqual([ended.code, ended.out, ended.err], [0, "true true 0\n", ""]);
});
