// The cases in TypeScript's client: `node speak.mjs ENTRY native|URL LIBRARY MEDIA OUT`.
// Prints what each case gives as a line of JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [entry, way, library, media, out] = process.argv.slice(2);
const here = new URL(".", import.meta.url);
const read = (file) => JSON.parse(readFileSync(new URL(file, here), "utf8"));
const api = read("../../docs/reference/api.json");
const record = (schema) => api.$defs[schema.$ref.split("/").pop()];

/** What a client takes by position and by name, from the parameters as they are on the wire. */
function taken(operation, params) {
  const positional = [];
  const optional = [];
  const known = {};
  const schema = record(api.operations.find((row) => row.name === operation).params);
  const first = (of) => (a, b) => (of.indexOf(a) >>> 0) - (of.indexOf(b) >>> 0);
  const required = schema.required ?? [];
  for (const name of Object.keys(schema.properties ?? {}).sort(first(required))) {
    const of = schema.properties[name];
    if (of["x-spread"]) {
      Object.assign(known, params[name]);
      positional.push(...(record(of).required ?? []));
    } else {
      if (name in params) known[name] = params[name];
      if (required.includes(name)) positional.push(name);
      else if (of["x-positional"]) optional.push(name);
    }
  }
  const given = [...positional, ...optional].map((name) => {
    const value = known[name];
    delete known[name];
    return value;
  });
  return [...given, known];
}

function filled(value, known) {
  if (typeof value === "string" && value.startsWith("$")) {
    const [name, rest] = value.slice(1).split(/\/(.*)/s);
    return rest === undefined ? known[name] : `${known[name]}/${rest}`;
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, known));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, filled(of, known)]));
}

async function joined(run, startOnly) {
  const shown = { run: run.id, asset: run.asset };
  if (!startOnly) shown.outcome = await run.result();
  return shown;
}

async function given(lib, { call, params = {}, start_only: startOnly }, known) {
  const [noun, verb] = call.split(".");
  const method = verb.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const shape = api.operations.find((row) => row.name === call).shape;
  const gives = lib[noun][method](...taken(call, filled(params, known)));
  if (shape === "page") {
    const items = [];
    for await (const item of gives) items.push(item);
    const { items: _, next: __, ...first } = await gives.first();
    return { items, first };
  }
  const result = await gives;
  if (shape !== "run") return result ?? {};
  if (!Array.isArray(result)) return joined(result, startOnly);
  const runs = [];
  for (const run of result) runs.push(await joined(run, startOnly));
  return { runs, refused: result.refused };
}

const require = createRequire(entry);
const lib =
  way === "native"
    ? await require("emam").open(library)
    : require("emam/http").connect(way, { token: process.env.EMAM_TOKEN });
const known = { media, out };
for (const one of read("cases.json")) {
  let gives;
  try {
    gives = await given(lib, one, known);
  } catch (error) {
    if (error.code === undefined) throw error;
    gives = { error: error.toJSON() };
  }
  for (const [name, pointer] of Object.entries(one.save ?? {})) {
    known[name] = pointer.slice(1).split("/").reduce((value, key) => value[key], gives);
  }
  console.log(JSON.stringify(gives));
}
await lib.close();
