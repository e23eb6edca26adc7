"""Composing a configuration, and the one place that instantiates parts of it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from deepcoder.config.schema import Config
from deepcoder.errors import ConfigError

__all__ = ["ALLOWED_TARGETS", "CONF_DIR", "build", "compose"]


def _conf_dir() -> Path:
    """`conf/` beside the package in a source tree, `deepcoder/conf/` in an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


CONF_DIR = _conf_dir()


def compose(stage: str, overrides: list[str] | None = None) -> Config:
    """The configuration of `stage` as the command line would compose it, for notebooks and tests.

    Raises hydra's ConfigCompositionException, which names file and key.
    """
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF_DIR)):
        return cast(Config, hydra_compose(config_name=stage, overrides=overrides or []))


ALLOWED_TARGETS = (
    "deepcoder.",
    "pytorch_lightning.",
    "torch.optim.",
    "bitsandbytes.optim.",
    "transformers.get_",
)
"""Prefixes of what a configuration may instantiate: a config file is data, not a program."""


def build(node: Any, **kwargs: Any) -> Any:
    """Instantiate a node with a `_target_` (and nested ones), from the allow-list only.

    `kwargs` are added to the outermost call. Raises ConfigError for a target outside the list.
    """
    from hydra.utils import instantiate

    plain = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else node
    _check_targets(plain)
    if isinstance(plain, dict) and "_target_" in plain:
        importlib.import_module(str(plain["_target_"]).rpartition(".")[0])
    return instantiate(node, **kwargs)


def _check_targets(node: Any, where: str = "") -> None:
    if isinstance(node, dict):
        target = node.get("_target_")
        if target is not None and not str(target).startswith(ALLOWED_TARGETS):
            raise ConfigError(
                f"`{where or 'config'}._target_` is {target!r}, which is not allowed.",
                fix=f"use a class under one of {', '.join(ALLOWED_TARGETS)}",
            )
        for key, value in node.items():
            _check_targets(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_targets(value, f"{where}[{index}]")
