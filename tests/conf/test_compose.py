"""Every configuration file composes, and a wrong one says which file, key and type."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hydra.errors import ConfigCompositionException, HydraException
from omegaconf import OmegaConf

from deepcoder.config import (
    CONF_DIR,
    DataConfig,
    DivergenceName,
    SignalKind,
    TeacherKind,
    compose,
    resolve_signal,
    signal_label,
    validate,
)
from deepcoder.errors import ConfigError

VLLM = ["loss.signal=cached", "teacher=vllm", "teacher.model=x"]
LOCAL = ["loss.signal=cached", "teacher=local", "teacher.model=x"]
STAGES = ("doctor", "generate", "prepare", "score", "train", "evaluate", "compare")
FILES = sorted(CONF_DIR.rglob("*.yaml"))
GROUP_FILES = [path for path in FILES if path.parent != CONF_DIR and path.parent.name != "hydra"]
GROUPS = [
    *("teacher", "student", "loss", "data", "problems", "agent", "sandbox", "optim", "trainer"),
    *("retrieval", "callbacks", "logger", "benchmark", "paths", "experiment", "sweep", "debug"),
    "hydra",
]


def override(path):
    """conf/student/tiny.yaml → student=tiny, at any depth."""
    relative = path.relative_to(CONF_DIR).with_suffix("")
    group, name = str(relative.parent), relative.name
    # these groups are empty by default, and an override of an empty choice is spelt the same
    return f"{group}={name}"


def test_every_group_of_the_design_has_a_file():
    assert [group for group in GROUPS if not list((CONF_DIR / group).glob("*.yaml"))] == []


@pytest.mark.parametrize("stage", STAGES)
def test_stage_composes_and_is_valid_without_arguments(stage):
    # scoring has no default teacher: nothing with logits is embedded
    cfg = compose(stage, LOCAL if stage == "score" else [])
    validate(cfg)
    assert cfg.stage == stage
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


@pytest.mark.parametrize("path", GROUP_FILES, ids=lambda path: str(path.relative_to(CONF_DIR)))
def test_every_group_file_composes(path):
    cfg = compose("train", [override(path)])
    assert OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)


def test_experiments_start_with_the_command_that_runs_them():
    for path in (CONF_DIR / "experiment").glob("*.yaml"):
        head = path.read_text().split("\n\n")[0]
        assert f"experiment={path.stem}" in head, path


@pytest.mark.parametrize(
    ("loss", "student"),
    itertools.product(
        ("sad", "token_kd", "sft", "action_only", "shuffled_spans"), ("smollm2", "tiny", "qwen3b")
    ),
)
def test_losses_and_students_combine(loss, student):
    cfg = compose("train", [f"loss={loss}", f"student={student}"])
    validate(cfg)
    assert cfg.loss.name == loss


def test_qwen3b_is_the_published_recipe():
    cfg = compose("train", ["loss=sad", "student=qwen3b"])
    assert cfg.student.model == "Qwen/Qwen2.5-3B-Instruct"
    assert cfg.student.quantization == "nf4"
    assert cfg.student.gradient_checkpointing
    assert cfg.student.max_tokens == 4096
    assert cfg.trainer.precision == "bf16-mixed"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["student.lorra.r=4"], ["student.lorra", "StudentConfig"]),
        (["student.lora.r=four"], ["student.lora.r=four", "Integer"]),
        (["loss.divergence=kl"], ["loss.divergence", "forward_kl"]),
        (["student=smolm"], ["student/smolm", "smollm2"]),
    ],
)
def test_a_wrong_override_names_key_and_type(overrides, words):
    with pytest.raises(HydraException) as caught:
        compose("train", overrides)
    text = f"{caught.value} {caught.value.__cause__}"
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("learning: 1", ["In 'data/broken'", "learning", "DataConfig"]),
        ("packing: perhaps", ["In 'data/broken'", "data.packing", "bool"]),
    ],
)
def test_a_wrong_file_is_named_with_key_and_type(tmp_path, monkeypatch, text, words):
    import shutil

    import deepcoder.config.building

    conf = tmp_path / "conf"
    shutil.copytree(CONF_DIR, conf)
    (conf / "data" / "broken.yaml").write_text(text + "\n")
    monkeypatch.setattr(deepcoder.config.building, "CONF_DIR", conf)
    with pytest.raises(ConfigCompositionException) as caught:
        compose("train", ["data=broken"])
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["loss.signal=online"], ["loss.signal=online", "oracle", "teacher=local"]),
        (["loss.divergence=reverse_kl"], ["loss.divergence=reverse_kl", "forward_kl"]),
        (["loss.act_divergence=jsd"], ["loss.act_divergence=jsd"]),
        (["teacher=local"], ["teacher.model"]),
        (["problems=jsonl"], ["problems.path"]),
        (["benchmark.k=[1,5]"], ["benchmark.samples=5"]),
        (["loss.temperature=0"], ["loss.temperature=0.0"]),
        (["loss.reason_weight=0", "loss.act_weight=0"], ["both 0"]),
        (["loss.ce_mix=1.5"], ["loss.ce_mix=1.5"]),
        (["data.batch_tokens=16"], ["data.batch_tokens=16", "student.max_tokens"]),
        (["agent.tools=[python]"], ["finish"]),
        (["loss.signal=cached"], ["teacher=oracle", "nothing can be scored"]),
        (["loss.signal=cached", "teacher=groq", "teacher.model=x"], ["teacher=groq"]),
        (["loss.signal=cached", "teacher=together", "teacher.model=x"], ["together"]),
        ([*VLLM, "score.scheme=sampled"], ["score.scheme=sampled"]),
        ([*VLLM, "loss.temperature=2"], ["loss.temperature=2"]),
        ([*VLLM, "score.k=0"], ["score.k=0"]),
        ([*VLLM, "score.shard=5/4"], ["score.shard=5/4"]),
        ([*LOCAL, "score.scheme=sampled", "loss.divergence=jsd"], ["loss.divergence=jsd"]),
        ([*LOCAL, "score.scheme=sorted"], ["score.scheme=sorted"]),
        ([*LOCAL, "score.draws=300"], ["score.draws=300"]),
    ],
)
def test_cross_field_rules_say_what_to_write_instead(overrides, words):
    cfg = compose("train", overrides)
    with pytest.raises(ConfigError) as caught:
        validate(cfg)
    assert caught.value.fix
    assert [word for word in words if word not in str(caught.value)] == []


def test_every_run_says_what_it_is():
    def label(*overrides, approximate=False):
        return str(signal_label(compose("train", list(overrides)), approximate=approximate))

    assert label() == "hard-label"
    assert label(*LOCAL) == "true-teacher KL"
    assert label(*LOCAL, "data.trajectories=file.jsonl") == "re-scored KL"
    assert label(*LOCAL, approximate=True) == "approximate"
    assert label(*LOCAL, "loss=sft", "loss.signal=hard") == "hard-label"


def test_a_white_box_teacher_may_have_any_divergence():
    """And a teacher that gives tokens only has the one that becomes cross-entropy."""
    online = ["teacher=local", "teacher.model=x", "loss.signal=online"]
    allowed = set()
    for name in DivergenceName:
        cfg = compose("train", [*online, f"loss.divergence={name}"])
        validate(cfg)
        assert (resolve_signal(cfg), cfg.loss.divergence) == (SignalKind.online, name)
        with suppress(ConfigError):
            validate(compose("train", ["teacher=oracle", f"loss.divergence={name}"]))
            allowed.add(name)
    assert allowed == {DivergenceName.forward_kl}


def test_defaults_of_the_schema_stand_in_one_place():
    cfg = compose("train")
    assert cfg.data.truncation == DataConfig.truncation
    assert cfg.teacher.kind is TeacherKind.oracle
