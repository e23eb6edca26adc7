"""Calls of tools as models write them, whatever they were asked for: read, never written.

A model that was trained on one form of call falls back to it under another protocol, and Groq hands
back what its own parser refused (`failed_generation`). So the readers of all protocols look here
when they find no action of their own:

    {"name": "python", "arguments": {"code": "1"}}                alone, in a fence, or in a list
    <function=python>{"code": "1"}</function>                     Llama, also without the first >
    <function=python><parameter=code>1</parameter></function>     Qwen coder
    <｜tool▁sep｜>python ```json {"code": "1"} ```                  DeepSeek
    to=functions.python …<|message|>{"code": "1"}                 gpt-oss

    found = foreign_call('<function=python>{"code": "1"}</function>')
    found.action, found.salvaged
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from deepcoder.rendering.protocols import ARGUMENT_OF, Salvage
from deepcoder.types import Action

__all__ = ["Found", "foreign_call", "read_call"]

# Bodies end at the closing mark or at the end: a text is walked once, whatever is in it.
_FUNCTION = re.compile(r"<function=(?P<name>[\w.-]+)>?\s*(?P<json>\{.*?)(?:</function>|\Z)", re.S)
_XML = re.compile(
    r"<function=(?P<name>[\w.-]+)>\s*(?P<body><parameter=.*?)(?:</function>|\Z)", re.S
)
_PARAMETER = re.compile(r"<parameter=([\w.-]+)>\n?(.*?)\n?(?:</parameter>|\Z)", re.S)
_DEEPSEEK = re.compile(
    r"(?:<｜tool▁call[^｜]{0,20}｜>|function|\s)*<｜tool▁sep｜>(?P<name>[\w.-]+)\s*```json\s*"
    r"(?P<json>\{.*?)(?:\n```|\Z)(?:<｜tool▁call[^｜]{0,20}｜>|\s)*",
    re.S,
)
_HARMONY = re.compile(
    r"[^{\n]{0,200}?\bto=(?:functions\.)?(?P<name>[\w.-]+)[^{]{0,200}?<\|message\|>"
    r"(?P<json>\{.*?)(?:<\|call\|>|\Z)",
    re.S,
)
_NAMED = re.compile(r"\s*\[?\s*\{\s*['\"](?:name|type|function)['\"]")
_TAGGED = re.compile(r"<tool_call>(?P<json>.*?)(?:</tool_call>|\Z)", re.S)
_OPENINGS = re.compile(
    r"<tool_call>|<function=|<｜tool▁|<\|channel\|>|<\|start\|>|\bto=functions\."
)
_LOOSE = re.compile(
    r"\{\s*\"name\"\s*:\s*\"(?P<name>[\w.-]+)\"\s*,\s*\"(?:arguments|parameters)\"\s*:\s*"
    r"\{\s*\"(?P<key>\w+)\"\s*:\s*\"(?P<text>.*)\"\s*\}[\s}]*",
    re.S,
)
_MAX_OPENINGS = 8
"""Marks that are looked at: a text full of them is no call."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "/": "/"}


@dataclass(frozen=True)
class Found:
    """A call, the text before it, and what had to be repaired to read it."""

    before: str
    action: Action
    salvaged: tuple[Salvage, ...]


def foreign_call(text: str, *, alone: bool = False) -> Found | None:
    """The first call of another form in a text that has none of its own, or None.

    `alone` is for texts that may be an answer instead: then the call must begin a line, and nothing
    but calls may follow it, so that an answer which speaks of calls stays an answer.
    """
    for opening in islice(_OPENINGS.finditer(text), _MAX_OPENINGS):
        start = opening.start()
        if alone and text[:start].rpartition("\n")[2].strip():
            continue
        marked = _marked(text[start:])
        if marked is None:
            continue
        action, repaired, end = marked
        after = text[start + end :].strip()
        if alone and after and not _OPENINGS.match(after):
            continue
        marks = [Salvage.FOREIGN_CALL]
        if repaired:
            marks.append(Salvage.REPAIRED_JSON)
        if _OPENINGS.match(after):
            marks.append(Salvage.SEVERAL_ACTIONS)
        return Found(text[:start].strip(), action, tuple(marks))
    return _bare(text)


def _marked(text: str) -> tuple[Action, bool, int] | None:
    """A call in somebody's marks, whether its JSON was repaired, and where it ends."""
    if tagged := _TAGGED.match(text):
        action, repairs = read_call(tagged["json"])
        return None if action is None else (action, bool(repairs), tagged.end())
    if xml := _XML.match(text):
        arguments = dict(_PARAMETER.findall(xml["body"]))
        return Action(tool=xml["name"], arguments=arguments), False, xml.end()
    for form in (_FUNCTION, _DEEPSEEK, _HARMONY):
        if found := form.match(text):
            arguments, repaired = _load(found["json"].strip())
            if isinstance(arguments, dict):
                return Action(tool=found["name"], arguments=arguments), repaired, found.end()
    return None


def _bare(text: str) -> Found | None:
    """JSON that stands without marks: alone in the message, or alone in a fence at its end."""
    before, body = "", text
    whole = text.rstrip()
    start = whole.find("```")
    if start >= 0 and whole.endswith("```"):
        info, _, inside = whole[start + 3 : -3].partition("\n")
        if info.strip() in ("", "json", "tool_call"):
            before, body = text[:start].strip(), inside
    if not _NAMED.match(body):
        return None
    action, repairs = read_call(body)
    return None if action is None else Found(before, action, (Salvage.UNTAGGED_CALL, *repairs))


def read_call(body: str) -> tuple[Action | None, tuple[Salvage, ...]]:
    """The call that a text of JSON means, and what was repaired; (None, ()) when there is none."""
    body = body.strip()
    value, repaired = _load(body)
    marks: list[Salvage] = []
    if isinstance(value, list) and value:
        if len(value) > 1:
            marks.append(Salvage.SEVERAL_ACTIONS)
        value, repaired = value[0], True
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value, repaired = value["function"], True  # as OpenAI's API nests it
    if value is None and (loose := _LOOSE.fullmatch(body)):
        # Quotes inside code that were not escaped: all up to the last quote is the text.
        text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), loose["text"], flags=re.S)
        return _with_marks(Action(tool=loose["name"], arguments={loose["key"]: text}), marks, True)
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        return None, ()
    arguments = value.get("arguments", value.get("parameters", {}))
    repaired = repaired or "arguments" not in value
    if isinstance(arguments, str):
        loaded, _ = _load(arguments)
        # Some put the one argument there as it is.
        key = ARGUMENT_OF.get(value["name"], "query")
        arguments = loaded if isinstance(loaded, dict) else {key: arguments}
        repaired = True
    if not isinstance(arguments, dict):
        return None, ()
    return _with_marks(Action(tool=value["name"], arguments=arguments), marks, repaired)


def _with_marks(
    action: Action, marks: list[Salvage], repaired: bool
) -> tuple[Action, tuple[Salvage, ...]]:
    return action, (*((Salvage.REPAIRED_JSON,) if repaired else ()), *marks)


def _load(text: str) -> tuple[Any, bool]:
    """(JSON value, whether it was repaired); (None, False) when it cannot be read.

    Repaired are raw newlines in strings, Python's spelling of a dict, trailing commas, and missing
    or surplus closing braces: what models write when they have to escape code.
    """
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text), False
    decoder = json.JSONDecoder(strict=False)
    without_commas = re.sub(r",(\s*[}\]])", r"\1", text)
    for candidate in (text, f"{text}}}", f"{text}}}}}", without_commas):
        with contextlib.suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(candidate)
            if not candidate[end:].strip(" \t\r\n}"):
                return value, True
    if len(text) <= _MAX_LITERAL:
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(text), True
    return None, False


_MAX_LITERAL = 100_000
"""Characters beyond which a text is not tried as a Python literal: the parser's memory is large."""
