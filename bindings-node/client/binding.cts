// Finds the native core: beside this package where it was built, else in the package of the
// platform, which npm installs as an optional dependency.

import type * as Core from "./core.js";

/** What the name of a platform ends with, where it has several. */
const KINDS: Record<string, string> = { linux: "-gnu", win32: "-msvc" };

function load(): typeof Core {
  const { platform, arch } = process;
  const name = `${platform}-${arch}${KINDS[platform] ?? ""}`;
  const failures: unknown[] = [];
  for (const place of [`../../emam.${name}.node`, `@emam/core-${name}`]) {
    try {
      return require(place) as typeof Core;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(
    failures,
    `the native core of emam cannot be loaded: is the package @emam/core-${name} there? It comes ` +
      "with emam where there is one for the platform, unless npm was told to omit optional " +
      "dependencies",
  );
}

export = load();
