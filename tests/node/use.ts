// How the types are used; nothing of it is run. `types.test.mjs` compiles it under --strict, and
// every line under @ts-expect-error has to be refused.

import { EmamError, open, type Asset, type Library, type Pages, type SearchPage } from "emam";
import { connect, type RemoteLibrary } from "emam/http";

export async function native(folder: string): Promise<void> {
  await using lib: Library = await open(folder, { workers: 2, lanes: { transcode: 1 } });

  const run = await lib.assets.ingest("A001.mov", { tags: ["rain"], known_content: "allow" });
  for await (const { step, fraction } of run.progress()) console.log(step, fraction.toFixed(2));
  const asset: Asset = await run.result({ timeout_ms: 1000 });
  const tags: string[] = asset.tags;
  const rating: number = asset.rating ?? 0;

  const found: Pages<SearchPage> = lib.assets.search("rain", { kinds: ["video"], limit: 10 });
  for await (const hit of found) {
    const title: string = hit.asset.title;
    console.log(title, hit.moments.length, tags, rating);
  }
  const { total, facets } = await found.first();
  console.log(total, facets);

  const runs = await lib.assets.ingestAll(["a", "b"]);
  const first: Asset | undefined = await runs[0]?.result();
  console.log(first?.title, runs.refused.map(({ path, error }) => [path, error.kind]));

  const { root_bin } = await lib.projects.create("Promo");
  const bin = await lib.bins.add(root_bin, { target: "asset", asset: asset.id });
  for (const item of bin.items) {
    switch (item.target) {
      case "asset":
      case "version":
        console.log(item.asset);
        break;
      case "subclip":
        console.log(item.annotation);
        break;
      case "sequence":
        console.log(item.sequence);
        break;
      default:
        item satisfies never;
    }
  }

  const done: void = await lib.projects.delete("id");
  const { signal } = new AbortController();
  for await (const event of lib.events.follow({ after: 3, signal })) console.log(event.seq, done);

  const maybe: string | undefined = process.argv[2];
  await lib.assets.update(asset.id, { title: maybe, revision: asset.revision, signal });
}

export async function wrong(lib: Library): Promise<void> {
  // @ts-expect-error no such kind
  lib.assets.search("rain", { kinds: ["Video"] });
  // @ts-expect-error no such option
  lib.assets.search("rain", { colour: "red" });
  // @ts-expect-error an id is a text
  await lib.assets.get(7);
  // @ts-expect-error a kind is required
  await lib.annotations.add("id");
  // @ts-expect-error the fields of another variant
  await lib.bins.add("id", { target: "asset", sequence: "id" });
  // @ts-expect-error a title is a text
  const title: number = (await lib.assets.get("id")).title;
  // @ts-expect-error nothing is given
  const given: string = await lib.projects.delete("id");
  // @ts-expect-error only a library behind a gateway takes uploads
  lib.upload(new Uint8Array(), { filename: "a" });
  console.log(title, given);
}

export async function remote(token: string): Promise<void> {
  const lib: RemoteLibrary = connect("http://127.0.0.1:4700", { token, timeout_ms: 5000 });
  const anywhere: Library = lib;
  const { url, expires_at } = await lib.mediaUrl("id", "proxy");
  const upload = lib.upload(new Blob(["x"]), { filename: "a.mov", tags: ["rain"] });
  for await (const { sent, size } of upload.progress()) console.log(sent / size, url, expires_at);
  const asset: Asset = await (await upload.run()).result();
  try {
    await anywhere.assets.get(asset.id);
  } catch (error) {
    if (error instanceof EmamError && error.code === "not_found") {
      console.log(error.operation, error.retryable, error.retry_after_ms, error.context["id"]);
      // @ts-expect-error no such kind
      console.log(error.code === "missing");
    }
  }
}
