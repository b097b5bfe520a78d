"""Judges .edl files with the timeline judge, each against the model of known truth beside it.

usage: judge_edl.py FOLDER_OF_JUDGE FOLDER

Prints a line for each thing that is wrong, and last how many files were judged.
"""

import json
import pathlib
import sys

sys.path.insert(0, sys.argv[1])
import judge  # noqa: E402

files = sorted(pathlib.Path(sys.argv[2]).glob("*.edl"))
for file in files:
    model = json.loads(file.with_suffix(".model.json").read_text(encoding="utf-8"))
    for wrong in judge.judge_edl(model, file.read_text(encoding="utf-8")):
        print(f"{file.stem}: {wrong}")
print(len(files))
