"""The cases in Python's clients: `python speak.py sync|aio LIBRARY MEDIA OUT`.

Prints what each case gives as a line of JSON.
"""

import asyncio
import inspect
import json
import keyword
import sys
from pathlib import Path

import emam
import emam.aio
import msgspec

HERE = Path(__file__).parent
API = json.loads((HERE / "../../docs/reference/api.json").read_text())
OPERATIONS = {row["name"]: row for row in API["operations"]}


def record(schema):
    return API["$defs"][schema["$ref"].rsplit("/", 1)[-1]]


def taken(operation, params):
    """What a client takes by name, from the parameters as they are on the wire."""
    properties = record(OPERATIONS[operation]["params"]).get("properties", {})
    given = {}
    for name, value in params.items():
        if properties[name].get("x-spread"):
            given.update(value)
        else:
            given[name] = value
    return given


def filled(value, known):
    if isinstance(value, str) and value.startswith("$"):
        name, slash, rest = value[1:].partition("/")
        return f"{known[name]}/{rest}" if slash else known[name]
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, dict):
        return {name: filled(of, known) for name, of in value.items()}
    return value


def shown(value):
    """All that a record holds, also what is as it is by default."""
    if isinstance(value, msgspec.Struct):
        fields = {name: shown(getattr(value, name)) for name in value.__struct_fields__}
        tag = value.__struct_config__
        return {tag.tag_field: tag.tag, **fields} if tag.tag_field else fields
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {name: shown(of) for name, of in value.items()}
    return msgspec.to_builtins(value)


def sent(value):
    """What was shown, as a record of it is sent: what is absent is not said."""
    if isinstance(value, list):
        return [sent(item) for item in value]
    if isinstance(value, dict):
        return {name: sent(of) for name, of in value.items() if of is not None}
    return value


async def now(value):
    """A value, however it comes: the aio client's are awaited."""
    return await value if inspect.isawaitable(value) else value


async def listed(items):
    if hasattr(items, "__aiter__"):
        return [item async for item in items]
    return list(items)


async def joined(run, start_only):
    gives = {"run": run.id, "asset": run.asset}
    if not start_only:
        gives["outcome"] = shown(await now(run.result()))
    return gives


async def given(lib, case, known):
    operation, start_only = case["call"], case.get("start_only", False)
    noun, verb = operation.split(".")
    if keyword.iskeyword(verb):
        verb += "_"
    params = taken(operation, filled(case.get("params", {}), known))
    result = await now(getattr(getattr(lib, noun), verb)(**params))
    shape = OPERATIONS[operation]["shape"]
    if shape == "page":
        first = shown(await now(result.first()))
        del first["items"]
        first.pop("next", None)
        return {"items": shown(await listed(result)), "first": first}
    if shape != "run":
        return {} if result is None else shown(result)
    if not hasattr(result, "refused"):
        return await joined(result, start_only)
    runs = [await joined(run, start_only) for run in result]
    return {"runs": runs, "refused": shown(result.refused)}


async def main(way, library, media, out):
    lib = emam.open(library) if way == "sync" else await emam.aio.open(library)
    known = {"media": media, "out": out}
    for case in json.loads((HERE / "cases.json").read_text()):
        try:
            gives = await given(lib, case, known)
        except emam.EmamError as error:
            info = {
                "kind": error.kind,
                "operation": error.operation,
                "message": error.message,
                "retryable": error.retryable,
                "context": list(error.context.items()),
                "causes": list(error.causes),
            }
            gives = {"error": info}
        for name, pointer in case.get("save", {}).items():
            value = gives
            for key in pointer[1:].split("/"):
                value = value[int(key)] if isinstance(value, list) else value[key]
            known[name] = sent(value)
        print(json.dumps(gives))
    await now(lib.close())


asyncio.run(main(*sys.argv[1:]))
