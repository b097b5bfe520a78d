"""Judges written timelines against models of known truth, many in one process.

usage: judge_timeline.py FOLDER_OF_JUDGE MODELS WRITTEN

For each NAME.model.json in MODELS it judges NAME.otio, NAME.edl and NAME.xml in WRITTEN, those that
are there. Prints a line for each thing that is wrong, and last how many of how many files of each
format passed, as JSON: {"otio": [passed, judged], ...}.
"""

import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import judge  # noqa: E402

JUDGES = {
    "otio": lambda model, file: judge.judge_otio(model, str(file)),
    "edl": lambda model, file: judge.judge_edl(model, file.read_text(encoding="utf-8")),
    "xml": lambda model, file: judge.judge_xml(model, file.read_bytes()),
}

models, written = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
counts = {}
for path in sorted(models.glob("*.model.json")):
    model = json.loads(path.read_text(encoding="utf-8"))
    name = path.name.removesuffix(".model.json")
    for extension, judged_by in JUDGES.items():
        file = written / f"{name}.{extension}"
        if not file.exists():
            continue
        count = counts.setdefault(extension, [0, 0])
        count[1] += 1
        try:
            wrong = judged_by(model, file)
        except Exception as error:  # The judge gave up on it: that is a verdict too.
            wrong = [f"cannot be judged: {error!r}"]
        count[0] += not wrong
        for one in wrong:
            print(f"{file.name}: {one}")
print(json.dumps(counts))
