// From a file to an edit that opens in other programs: `node quickstart.mjs clip.mov`.

const clip = process.argv[2] ?? "clip.mov";
// readme:start
import { open } from "emam";

const lib = await open("media");
const run = await lib.assets.ingest(clip, { tags: ["rain"] });
for await (const { step, fraction } of run.progress()) {
  console.log(step, Math.round(fraction * 100), "%");
}
const asset = await run.result();

const range = { start: 0, duration: 50, rate: "25" }; // frames 0 to 49 of the media
const opening = await lib.annotations.add(asset.id, "subclip", { name: "opening", range });
for await (const hit of lib.assets.search("rain", { kinds: ["video"] })) {
  console.log(hit.asset.title, hit.moments.map((moment) => moment.snippet));
}

const promo = await lib.projects.create("Promo");
await lib.bins.add(promo.root_bin, { target: "asset", asset: asset.id });
const cut = await lib.sequences.create(promo.id, "Rough cut", "25");
await lib.sequences.append(cut.id, asset.id);
await lib.sequences.append(cut.id, asset.id, { subclip: opening.id });
await lib.sequences.export(cut.id, "rough.otio");
await lib.close();
// readme:end
