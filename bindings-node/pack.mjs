// Makes the npm packages: `node pack.mjs FOLDER`.
//
// There are two for this machine: `emam`, with the client, and the one of its platform, with the
// native core, which `emam` asks for as an optional dependency. Nothing tracked is changed: what is
// packed is put together in FOLDER first.

import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { NapiCli } from "@napi-rs/cli";

const here = fileURLToPath(new URL(".", import.meta.url));
const [out] = process.argv.slice(2).map((path) => resolve(path));
if (out === undefined) {
  console.error("usage: node pack.mjs FOLDER");
  process.exit(2);
}
const stage = join(out, "stage");
rmSync(stage, { recursive: true, force: true });

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const licences = ["LICENSE-MIT", "LICENSE-APACHE"];

/** Puts `files` (where they are, by what they are called in the package) to a manifest and packs. */
function pack(folder, manifest, files) {
  for (const [to, from] of Object.entries(files)) {
    if (!existsSync(from)) throw new Error(`${from} is missing: run \`npm run build\` first`);
    cpSync(from, join(folder, to), { recursive: true });
  }
  for (const name of licences) cpSync(join(here, "..", name), join(folder, name));
  const whole = { ...manifest, files: [...manifest.files, ...licences] };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(whole, null, 2)}\n`);
  const argv = ["pack", "--silent", "--pack-destination", out];
  const shell = process.platform === "win32";
  const made = execFileSync("npm", argv, { cwd: folder, encoding: "utf8", shell }).trim();
  console.log(join(out, made));
}

// One folder with a manifest for each platform, as package.json's `napi.targets` says.
mkdirSync(stage, { recursive: true });
cpSync(join(here, "package.json"), join(stage, "package.json"));
await new NapiCli().createNpmDirs({ cwd: stage, npmDir: "platforms" });
const platforms = readdirSync(join(stage, "platforms"));
const { devDependencies, napi, scripts, ...manifest } = read(join(here, "package.json"));
const optionalDependencies = {};
for (const platform of platforms) {
  const folder = join(stage, "platforms", platform);
  const own = read(join(folder, "package.json"));
  optionalDependencies[own.name] = own.version;
  const core = join(here, own.main);
  if (existsSync(core)) pack(folder, own, { [own.main]: core });
}
const parts = ["bin", "dist"].map((part) => [part, join(here, part)]);
const client = Object.fromEntries([...parts, ["README.md", join(here, "../README.md")]]);
pack(join(stage, "emam"), { ...manifest, optionalDependencies }, client);
