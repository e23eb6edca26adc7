"""System prompts: short versioned Jinja files in `prompts/`.

A published prompt is never edited, because trajectories name the version they were made with: a
change is a new file. Every token of a prompt is paid in every turn of every episode.

A version is `<protocol>-v<number>`, or `<protocol>-<purpose>-v<number>` for another kind of task.
`codeact-v1` spells the format out itself, so that it stays the same text when the protocol's
`instructions` are reworded.

Example::

    render_prompt("codeact-v1", get_protocol("codeact"), ["python", "finish"])
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

from deepcoder.errors import ConfigError
from deepcoder.rendering import AgentProtocol

__all__ = ["PROMPTS", "fixed_prompt", "render_prompt"]

PROMPTS = Path(__file__).parent / "prompts"


@cache
def _environment() -> Environment:
    # Prompts are plain text for a model: HTML escaping would change them.
    return Environment(
        loader=FileSystemLoader(PROMPTS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def fixed_prompt(version: str) -> str:
    """A prompt that is the same for every agent."""
    return _environment().get_template(f"{version}.j2").render().strip()


def render_prompt(version: str, protocol: AgentProtocol, tools: Sequence[str]) -> str:
    """The system prompt `version` for a protocol and its tools.

    Raises ConfigError for a version that does not exist or belongs to another protocol, and
    jinja2.UndefinedError for a template that uses a variable which it is not given.
    """
    written_for = version.rpartition("-v")[0].partition("-")[0]
    try:
        template = _environment().get_template(f"{version}.j2")
    except TemplateNotFound as error:
        known = ", ".join(sorted(path.stem for path in PROMPTS.glob("*.j2")))
        raise ConfigError(
            f"agent.prompt={version} is no system prompt.", fix=f"use one of: {known}"
        ) from error
    if written_for != protocol.name:
        raise ConfigError(
            f"agent.prompt={version} is written for protocol {written_for}, and agent.protocol="
            f"{protocol.name}.",
            fix=f"use agent.prompt={protocol.name}-v1, or agent.protocol={written_for}",
        )
    return template.render(instructions=protocol.instructions(tools), tools=tuple(tools)).strip()
