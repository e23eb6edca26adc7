"""The canonical texts of a protocol as a grammar, for decoding that cannot leave it.

A grammar is text in the Lark dialect of llguidance (https://github.com/guidance-ai/llguidance,
docs/syntax.md): regular expressions with `[lazy]` end at the first place where they can. Reasoning
and arguments are free; labels, tags, fences and names of tools are not. It is stricter than the
reader on purpose: what it lets through needs no repair. Two things that a protocol can write it
does not allow: a step without reasoning, and a fence of more than three backticks.

    text = grammar("codeact", ["python", "finish"])
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from deepcoder.errors import ConfigError
from deepcoder.rendering.codeact import ANSWER
from deepcoder.rendering.protocols import ARGUMENT_OF, FINISH

__all__ = ["grammar"]

_SPACING = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}
"""JSON as the protocol writes it: one line, with a space after commas and colons."""


def grammar(protocol: str, tools: Sequence[str]) -> str:
    """The grammar of one answer of the model. Raises ConfigError for a protocol without one."""
    made = {"codeact": _codeact, "react": _react, "tool_call": _tool_call}
    if protocol not in made:
        raise ConfigError(
            f"Protocol {protocol} has no grammar.", fix=f"use one of {', '.join(made)}"
        )
    return made[protocol](tools)


def _codeact(tools: Sequence[str]) -> str:
    names = [ANSWER if tool == FINISH else tool for tool in tools]
    return rf"""
start: think action
think: "<think>\n" thought
thought[lazy]: /(?s:.+)\n<\/think>\n/
action: "```" NAME "\n" body
NAME: {_either(names)}
body[lazy]: /(?s:.*)\n```/
"""


def _react(tools: Sequence[str]) -> str:
    # The action ends with the last bracket of the message, so that brackets may stand in it.
    return rf"""
start: "Thought: " thought NAME "[" text
thought[lazy]: /(?s:.+)\nAction: /
NAME: {_either(tools)}
text: /(?s:.*)\]/
"""


def _tool_call(tools: Sequence[str]) -> str:
    calls = [tool for tool in tools if tool != FINISH]
    rules = [
        "start: think action",
        r'think: "<think>\n" thought',
        r"thought[lazy]: /(?s:.+)\n<\/think>\n\n/",
        f"action: {' | '.join([*(['call'] if calls else []), 'answer'])}",
        r"answer: /[^<](?s:.*)/",
    ]
    if calls:
        rules.append(r'call: "<tool_call>\n" object "\n</tool_call>"')
        rules.append(f"object: {' | '.join(f'object{i}' for i in range(len(calls)))}")
    for index, tool in enumerate(calls):
        argument = ARGUMENT_OF.get(tool, "query")
        schema = {
            "type": "object",
            "properties": {
                "name": {"const": tool},
                "arguments": {
                    "type": "object",
                    "properties": {argument: {"type": "string"}},
                    "required": [argument],
                    "additionalProperties": False,
                },
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
            "x-guidance": _SPACING,
        }
        text = json.dumps(schema)
        rules.append(f"object{index}: %json {text}")
    return "\n".join(rules) + "\n"


def _either(names: Sequence[str]) -> str:
    return " | ".join(json.dumps(name) for name in names)
