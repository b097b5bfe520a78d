"""Judges .otio files with the timeline judge, each against the model of known truth beside it.

usage: judge_otio.py FOLDER_OF_JUDGE FOLDER

Prints a line for each thing that is wrong, and last how many files were judged.
"""

import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import judge  # noqa: E402

files = sorted(pathlib.Path(sys.argv[2]).glob("*.otio"))
for file in files:
    model = json.loads(file.with_suffix(".model.json").read_text(encoding="utf-8"))
    for wrong in judge.judge_otio(model, str(file)):
        print(f"{file.stem}: {wrong}")
print(len(files))
