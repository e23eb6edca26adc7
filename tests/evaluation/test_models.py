"""Which adapter is evaluated, and adapters that do not belong."""

from __future__ import annotations

import json

import pytest

from deepcoder.config import compose
from deepcoder.errors import DataError, MissingError
from deepcoder.evaluation.models import find_adapter, fingerprint
from deepcoder.runs import stage_folder


def config(tmp_path, *overrides):
    return compose("evaluate", [f"paths.runs={tmp_path}", "student=tiny", *overrides])


def put_adapter(folder, base="tiny-qwen2", weights=b"w"):
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    return folder


def test_the_training_of_this_configuration_is_found(tmp_path) -> None:
    cfg = config(tmp_path)
    assert find_adapter(cfg) is None
    adapter = put_adapter(stage_folder(cfg, "train") / "adapter")
    assert find_adapter(cfg) == adapter
    assert find_adapter(config(tmp_path, "loss=sft")) is None


def test_a_named_run_may_be_the_run_or_its_adapter(tmp_path) -> None:
    adapter = put_adapter(tmp_path / "other" / "adapter")
    assert find_adapter(config(tmp_path, f"run={tmp_path}/other")) == adapter
    assert find_adapter(config(tmp_path, f"run={tmp_path}/other/adapter")) == adapter
    with pytest.raises(MissingError, match="no trained adapter"):
        find_adapter(config(tmp_path, f"run={tmp_path}/nowhere"))


def test_an_adapter_for_another_base_is_refused_before_anything_is_loaded(tmp_path) -> None:
    put_adapter(tmp_path / "other" / "adapter", base="Qwen/Qwen2.5-3B-Instruct")
    with pytest.raises(DataError, match=r"trained on Qwen/Qwen2.5-3B-Instruct, and student.model"):
        find_adapter(config(tmp_path, f"run={tmp_path}/other"))


def test_a_damaged_adapter_configuration_is_named(tmp_path) -> None:
    adapter = put_adapter(tmp_path / "other" / "adapter")
    (adapter / "adapter_config.json").write_text("{")
    with pytest.raises(DataError, match=r"adapter_config.json cannot be read"):
        find_adapter(config(tmp_path, f"run={tmp_path}/other"))


def test_another_adapter_is_another_model(tmp_path) -> None:
    student = config(tmp_path).student
    one = put_adapter(tmp_path / "1", weights=b"1")
    two = put_adapter(tmp_path / "2", weights=b"2")
    prints = [fingerprint(student, adapter) for adapter in (None, one, two)]
    assert len({p.model_dump_json() for p in prints}) == 3
    assert str(tmp_path) not in prints[1].model_dump_json()
