"""`build` instantiates what a configuration names, from the allow-list only."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from deepcoder.config import build
from deepcoder.errors import ConfigError


def test_builds_an_allowed_target_with_extra_arguments():
    node = OmegaConf.create({"_target_": "deepcoder.errors.DeepcoderError", "fix": "rest"})
    error = build(node, message="tired")
    assert str(error) == "tired Fix: rest"


@pytest.mark.parametrize(
    "target", ["os.system", "subprocess.run", "deepcoderx.evil", "builtins.eval"]
)
def test_refuses_other_targets(target):
    with pytest.raises(ConfigError, match="not allowed"):
        build(OmegaConf.create({"_target_": target, "command": "true"}))


def test_refuses_a_nested_target_and_names_where():
    node = {"_target_": "torch.optim.AdamW", "x": [{"y": {"_target_": "os.system"}}]}
    with pytest.raises(ConfigError, match=r"x\[0\]\.y\._target_"):
        build(OmegaConf.create(node))
