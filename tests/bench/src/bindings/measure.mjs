// What calls cost in Node: `measure.mjs ENTRY LIBRARY ASSET EVENTS`.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [entry, folder, asset, events] = process.argv.slice(2);
const require = createRequire(entry);
const { open } = require("emam");
const binding = require(join(dirname(require.resolve("emam")), "binding.cjs"));

/** Milliseconds of one time, in the best round. */
async function least(work, rounds, times = 1) {
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    for (let time = 0; time < times; time++) await work();
    best = Math.min(best, (performance.now() - begun) / times);
  }
  return best;
}

const memory = () => process.memoryUsage.rss() / 1e6;

/** Goes through so many events and tells how far memory grew after the first tenth. */
async function follow(lib, count) {
  const begun = performance.now();
  let number = 0;
  let base = 0;
  for await (const _ of lib.events.follow({ after: 0 })) {
    number += 1;
    if (number === Math.floor(count / 10)) {
      gc();
      base = memory();
    }
    if (number === count) break;
  }
  const seconds = (performance.now() - begun) / 1000;
  gc();
  return { events_s: seconds, events_growth_mb: memory() - base };
}

const lib = await open(folder);
const get = await least(() => lib.assets.get(asset), 5, 2000);
const page = await least(() => lib.projects.list({ limit: 1000 }).first(), 50);
// The same text as it comes out of the native core, and what JSON.parse makes of it.
const native = await binding.open(JSON.stringify({ folder }));
const params = JSON.stringify({ page: { limit: 1000 } });
const parse = await least(async () => JSON.parse(await native.call("projects.list", params)), 50);
await native.close();
const told = { get_us: get * 1000, page_ms: page, parse_ms: parse, ...(await follow(lib, Number(events))) };
await lib.close();
console.log(JSON.stringify(told));
