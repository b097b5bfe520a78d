"""From a file to an edit that opens in other programs: `python quickstart.py clip.mov`."""

import sys

clip = sys.argv[1] if len(sys.argv) > 1 else "clip.mov"
# readme:start
import emam

lib = emam.open("media")
run = lib.assets.ingest(clip, tags=["rain"])
for progress in run.progress():
    print(f"{progress.step} {progress.fraction:.0%}")
asset = run.result()

frames = emam.TimeRange(start=0, duration=50, rate="25")  # frames 0 to 49 of the media
opening = lib.annotations.add(asset.id, "subclip", name="opening", range=frames)
for hit in lib.assets.search("rain", kinds=["video"]):
    print(hit.asset.title, [moment.snippet for moment in hit.moments])

promo = lib.projects.create("Promo")
lib.bins.add(promo.root_bin, emam.BinTargetAsset(asset=asset.id))
cut = lib.sequences.create(promo.id, "Rough cut", "25")
lib.sequences.append(cut.id, asset.id)
lib.sequences.append(cut.id, asset.id, subclip=opening.id)
lib.sequences.export(cut.id, "rough.otio")
lib.close()
# readme:end
