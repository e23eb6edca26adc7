"""The agent as a benchmark plays it: the configuration's, within the benchmark's budget.

Agent(chat, agent_settings(cfg), pool)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from deepcoder.config import EpisodeMode

if TYPE_CHECKING:
    from deepcoder.config import Config

__all__ = ["agent_settings", "plain"]


def agent_settings(cfg: Config) -> Any:
    """The agent of the configuration with the tools, turns and time that the benchmark allows."""
    benchmark = cfg.benchmark
    single = benchmark.mode is EpisodeMode.single
    changed: dict[str, Any] = {
        "max_turns": 1 if single else benchmark.max_turns,
        "max_seconds": benchmark.max_seconds,
        "tools": ["finish"] if single else benchmark.tools,
        "prompt": benchmark.prompt,
    }
    return OmegaConf.merge(
        plain(cfg.agent), {key: value for key, value in changed.items() if value is not None}
    )


def plain(node: Any) -> dict[str, Any]:
    """A part of the configuration as an ordinary dictionary."""
    return cast("dict[str, Any]", OmegaConf.to_container(node, resolve=True))
