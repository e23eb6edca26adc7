"""Which adapter is evaluated, and adapters that do not belong."""

from __future__ import annotations

import json

import pytest

from deepcoder.config import compose
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.evaluation.models import Models, find_adapter, fingerprint, under_test
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


def test_models_are_named_and_trained_ones_come_first(tmp_path) -> None:
    adapter = put_adapter(tmp_path / "sad" / "adapter")
    cfg = config(
        tmp_path,
        "benchmark.models=[base,teacher,student,mine,sad]",
        f"+benchmark.adapters.sad={tmp_path}/sad",
        "+benchmark.chat={mine: {kind: openai_compatible, preset: vllm, model: m}}",
    )
    found = {model.name: model for model in under_test(cfg)}
    assert list(found) == ["sad", "base", "teacher", "student", "mine"]
    assert found["sad"].adapter == adapter
    assert found["student"].untrained
    assert str(found["teacher"].chat.kind) == "oracle"
    assert found["mine"].chat.preset == "vllm"
    assert [name for name, model in found.items() if model.trained] == ["sad"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["benchmark.models=[somebody]"],
        ["benchmark.models=[]"],
        ["benchmark.models=[base,base]"],
        ["benchmark.models=[base]", "+benchmark.adapters.base=x"],
        ["benchmark.models=[base]", "+benchmark.chat={a/b: {kind: oracle}}"],
    ],
)
def test_names_that_explain_nothing_are_refused(tmp_path, overrides) -> None:
    with pytest.raises(ConfigError, match=r"not a choice of models|has a model called"):
        under_test(config(tmp_path, *overrides))


def test_a_named_adapter_must_exist_and_fit(tmp_path) -> None:
    there = "+benchmark.adapters.sad=" + str(tmp_path / "x")
    with pytest.raises(MissingError, match=r"benchmark.adapters.sad=.* no trained adapter"):
        under_test(config(tmp_path, "benchmark.models=[sad]", there))
    put_adapter(tmp_path / "x", base="Qwen/Qwen2.5-3B")
    with pytest.raises(DataError, match="was trained on Qwen"):
        under_test(config(tmp_path, "benchmark.models=[sad]", there))


def test_constraints_are_for_models_that_are_decoded_here(tmp_path) -> None:
    cfg = config(tmp_path, "benchmark.models=[teacher+constrained]")
    with pytest.raises(ConfigError, match="which only local students have"):
        Models(cfg, ()).open(under_test(cfg)[0])
