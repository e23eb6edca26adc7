"""Script: prints what the running Python says about its own standard library, as JSON lines.

Run in a process of its own (`python -I python_names.py`), because importing two hundred modules
changes the process that does it. Standard library only. Each line is one documented thing:
{"name", "kind", "signature", "doc", "module"}. A module that cannot be imported here (another
platform's, a missing shared library) is left out and counted in the last line, {"left_out": n}.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Modules that do something when they are imported, that are programs, or that hold tests.
_SKIPPED = """
antigravity this idlelib lib2to3 turtledemo test ensurepip pydoc_data __main__ turtle distutils
posixpath ntpath genericpath posix nt sre_compile sre_constants sre_parse
"""
SKIPPED = frozenset(_SKIPPED.split())
LEFT_OUT_PARTS = frozenset({"test", "tests", "__main__", "idle_test"})
# Where people know a function by another module than the one that defines it.
KNOWN_AS = {"posixpath": "os.path", "ntpath": "os.path", "genericpath": "os.path"}
ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def module_names() -> Iterator[str]:
    """Public modules of the standard library, packages before what they hold."""
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_") or name in SKIPPED:
            continue
        yield name
        try:
            path = importlib.import_module(name).__path__
        except (AttributeError, ImportError, OSError):
            continue
        for found in sorted(pkgutil.walk_packages(path, f"{name}."), key=lambda item: item.name):
            parts = found.name.split(".")
            if not any(part.startswith("_") or part in LEFT_OUT_PARTS for part in parts):
                yield found.name
    yield "os.path"
    yield "collections.abc"


def members(module: ModuleType, name: str) -> Iterator[tuple[str, Any]]:
    """The public functions and classes that belong to a module."""
    listed = getattr(module, "__all__", None)
    for member in listed or sorted(vars(module)):
        value = getattr(module, member, None)
        if member.startswith("_") or not (inspect.isroutine(value) or inspect.isclass(value)):
            continue
        home = getattr(value, "__module__", None) or ""
        own = home == name or home.startswith(("_", "builtins")) or KNOWN_AS.get(home) == name
        if listed or own:
            yield member, value


def described(name: str, value: Any, module: str) -> Iterator[dict[str, str]]:
    """A function or class, and the methods and properties that a class defines itself."""
    if (entry := record(name, value, module)) is not None:
        yield entry
    if not inspect.isclass(value):
        return
    for member, held in sorted(vars(value).items()):
        if member.startswith("_"):
            continue
        inner = held.__func__ if isinstance(held, (staticmethod, classmethod)) else held
        if inspect.isroutine(inner) or inspect.isdatadescriptor(inner):
            entry = record(f"{name}.{member}", inner, module)
            if entry is not None:
                yield entry


def record(name: str, value: Any, module: str) -> dict[str, str] | None:
    is_class = inspect.isclass(value)
    doc = class_doc(value) if is_class else cleaned(value)
    if not doc:
        return None
    kind = "class" if is_class else "function"
    signature = ""
    with contextlib.suppress(ValueError, TypeError, NameError, AttributeError):
        signature = ADDRESS.sub("", str(inspect.signature(value)))
    return {
        "name": name.removeprefix("builtins."),
        "kind": kind,
        "signature": signature[:300],
        "doc": doc,
        "module": module,
    }


def cleaned(value: Any) -> str:
    doc = getattr(value, "__doc__", None)
    text = inspect.cleandoc(doc).strip() if isinstance(doc, str) else ""
    return "" if text.startswith("Alias for field number") else text


def class_doc(value: type) -> str:
    """What is said about a class and about making one; its public names when that is nothing."""
    own = [cleaned(value)]
    made = vars(value).get("__init__")
    if inspect.isfunction(made):
        own.append(cleaned(made))
    if any(own):
        return "\n\n".join(filter(None, own))
    return " ".join(name for name in sorted(vars(value)) if not name.startswith("_"))


def topics() -> Iterator[dict[str, str]]:
    """The chapters of the language reference that `help()` knows."""
    from pydoc_data.topics import topics as texts

    for name, text in sorted(texts.items()):
        yield {"name": name, "kind": "topic", "signature": "", "doc": text, "module": "help"}


def main() -> None:
    warnings.simplefilter("ignore")
    out, left_out = sys.stdout, 0
    found: dict[int, tuple[tuple[int, bool], str, Any, str]] = {}
    modules: list[ModuleType] = []
    names = list(module_names())
    for position, name in enumerate(names, 1):
        print(json.dumps({"progress": [position, len(names)]}), file=out, flush=True)
        try:
            # What a module prints while it is imported is not ours.
            with contextlib.redirect_stdout(io.StringIO()):
                module = importlib.import_module(name)
        except BaseException:  # some leave by SystemExit where they cannot work
            left_out += 1
            continue
        modules.append(module)
        entry = {"name": name, "kind": "module", "signature": "", "module": name}
        if doc := cleaned(module):
            print(json.dumps(entry | {"doc": doc}), file=out)
        for member, value in members(module, name):
            # One thing under several names goes by the shortest path (asyncio.gather), and by its
            # own name (bisect.bisect_right, not bisect.bisect).
            depth = name.count(".") - (name == "os.path") - (name == "collections.abc")
            rank = (depth, getattr(value, "__name__", member) != member)
            held = found.get(id(value))
            if held is None or rank < held[0]:
                found[id(value)] = (rank, f"{name}.{member}", value, name)
    for _, name, value, module_name in sorted(found.values(), key=lambda item: item[1]):
        for line in described(name, value, module_name):
            print(json.dumps(line), file=out)
    for line in topics():
        print(json.dumps(line), file=out)
    print(json.dumps({"left_out": left_out}), file=out)


if __name__ == "__main__":
    main()
