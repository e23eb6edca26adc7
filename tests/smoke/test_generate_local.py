"""`teacher=local`: a transformers model in the same stage. A random one solves nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from deepcoder.config import compose
from deepcoder.errors import IncompleteError
from deepcoder.generate import main
from deepcoder.students import load_base, load_tokenizer
from deepcoder.trajectories.verification import RejectedStore, RejectReason


def test_a_random_model_is_played_recorded_and_refused(tmp_path: Path) -> None:
    student = compose("train", ["student=tiny"]).student
    folder = tmp_path / "model"
    load_base(student, tmp_path / "cache").save_pretrained(folder)
    load_tokenizer(student, tmp_path / "cache").save_pretrained(folder)
    problem = {
        "id": "u",
        "prompt": "Return `x`.",
        "entry_point": "same",
        "hidden": [{"args": [1], "expected": 1}],
    }
    lines = [json.dumps(problem | {"id": f"u{n}", "prompt": f"Return {n}."}) for n in range(5)]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    cfg = compose(
        "generate",
        [
            "problems=jsonl",
            f"problems.path={tmp_path / 'p.jsonl'}",
            f"paths.runs={tmp_path / 'runs'}",
            "teacher=local",
            f"teacher.model={folder}",
            "teacher.max_tokens=12",
            "sandbox.workers=1",
        ],
    )
    run = main.open(cfg)
    with pytest.raises(IncompleteError, match="No trajectory was accepted: not_finished"):
        main.run(cfg, run)
    rejected = list(RejectedStore(run.path / "rejected.jsonl"))
    assert Counter(record.reason for record in rejected) == {RejectReason.NOT_FINISHED: 4}
    for record in rejected:
        assert record.detail == "max_invalid"
        assert record.trajectory.teacher.kind == "local"
        assert record.trajectory.usage.completion_tokens > 0
        assert record.trajectory.tags == ()
        assert all(step.token_ids for step in record.trajectory.steps)
