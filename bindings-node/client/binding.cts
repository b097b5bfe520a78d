// Finds the native core: beside this package where it was built, else in the package of the
// platform, which npm installs as an optional dependency.

import type * as Core from "./core.js";

const NAMES: Record<string, string> = {
  "linux x64": "linux-x64-gnu",
  "linux arm64": "linux-arm64-gnu",
  "darwin x64": "darwin-x64",
  "darwin arm64": "darwin-arm64",
  "win32 x64": "win32-x64-msvc",
};

function load(): typeof Core {
  const platform = `${process.platform} ${process.arch}`;
  const name = NAMES[platform];
  if (name === undefined) {
    throw new Error(`emam is not built for ${platform}, only for ${Object.keys(NAMES).join(", ")}`);
  }
  const failures: unknown[] = [];
  for (const place of [`../../emam.${name}.node`, `emam-${name}`]) {
    try {
      return require(place) as typeof Core;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(
    failures,
    `the native core of emam cannot be loaded: is the package emam-${name} installed? It comes ` +
      `with emam unless npm was told to omit optional dependencies`,
  );
}

export = load();
