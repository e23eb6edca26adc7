"""Copies of evaluation problems are found and tasks of the same template are not; duplicates go."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from trajectories.makers import make_trajectory

from deepcoder.config import BestOf, DuplicateKey, DuplicateRule, ProblemsConfig, compose
from deepcoder.errors import ConfigError
from deepcoder.problems import bank
from deepcoder.problems.decontamination import Decontaminator, EvaluationText, code_tokens
from deepcoder.problems.evaluation_sets import evaluation_texts
from deepcoder.problems.loaders import load_problems
from deepcoder.problems.show import task_text
from deepcoder.trajectories.deduplication import Deduplicator, minhash, similarity
from deepcoder.trajectories.screening import Screen, choose, report_text
from deepcoder.types import Action, Step, Trajectory

CODE = """def merge(xs, ys):
    \"\"\"Merge two sorted lists.\"\"\"
    result = []
    while xs and ys:  # the smaller head first
        if xs[0] <= ys[0]:
            result.append(xs.pop(0))
        else:
            result.append(ys.pop(0))
    return result + xs + ys
"""
PROMPT = "Merge two sorted lists of integers into one sorted list, keeping all 100 repeated values."
GUARD = Decontaminator([EvaluationText("eval/1", PROMPT, CODE)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PROMPT, True),
        (PROMPT.upper().replace(",", " --"), True),
        (f"You are given a task.\n{PROMPT}\nSignature: merge(xs, ys)", True),
        (PROMPT.replace("into one", "into a"), True),
        (PROMPT.replace("100", "200"), False),
        ("Merge two sorted dictionaries into one, and count the repeated values.", False),
        ("Sort a list.", False),
        ("", False),
    ],
)
def test_prompts(text: str, found: bool) -> None:
    assert (GUARD.prompt(text) is not None) is found
    assert (GUARD.document(f"Page.\n\n{text}\n\nMore.") is not None) is found


def test_code_is_found_without_comments_and_inside_more_code() -> None:
    bare = CODE.replace('    """Merge two sorted lists."""\n', "").replace("  # the smaller", "#")
    for text in (CODE, bare, f"import os\n\n{CODE}\nprint(merge([1], [2]))"):
        hit = GUARD.code(text)
        assert hit is not None
        assert (hit.name, hit.part) == ("eval/1", "code")
    assert GUARD.code("def merge(xs, ys):\n    return sorted(xs + ys)\n") is None
    assert GUARD.document(f"# How to merge\n```python\n{CODE}```\n") is not None
    assert code_tokens("not python at all (") != ()


def test_code_that_is_not_parsed_would_not_have_been_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each solution whole, without one of its lines, and with one of its names in other words."""
    heldout = load_problems(ProblemsConfig(variants=2, heldout_variants=1), "heldout")
    guard = Decontaminator([EvaluationText.of(problem) for problem in heldout])
    texts = []
    for code in filter(None, (problem.reference for problem in heldout)):
        lines = code.split("\n")
        texts += ["\n".join(lines[:i] + lines[i + 1 :]) for i in range(len(lines))]
        names = sorted(set(re.findall(r"[a-z_]+", code)))
        texts += [code, *(re.sub(rf"\b{name}\b", f"{name}\u00e9", code) for name in names)]
        texts += [re.sub(rf"\b{name}\b", f"{name}2", code) for name in names]
    glanced = [guard.code(text) for text in texts]
    skipped = sum(not guard._may_hold_code(text) for text in texts)
    monkeypatch.setattr(Decontaminator, "_may_hold_code", lambda self, text: True)
    assert glanced == [guard.code(text) for text in texts]
    assert skipped > 100
    assert sum(hit is not None for hit in glanced) > 100


def test_a_template_is_no_copy_and_its_parameters_are() -> None:
    text = 'Return the sum of the numbers in `xs` that are above 5, joined by ";" at the end.'
    family = Decontaminator([EvaluationText("family/a", text, None, family=True)])
    assert family.prompt(f"{text}\nSignature: f(xs)") is not None
    for other in (text.replace("5", "7"), text.replace(";", ","), text.replace("above", "below")):
        assert family.prompt(f"{other}\nExamples: f([5]) == 5") is None


def test_builtin_training_problems_are_clean_and_heldout_ones_are_all_found() -> None:
    cfg = ProblemsConfig(variants=6, heldout_variants=2)
    heldout = load_problems(cfg, "heldout")
    guard = Decontaminator([EvaluationText.of(problem) for problem in heldout])
    for problem in load_problems(cfg, "train"):
        assert guard.prompt(task_text(problem)) is None, problem.id
        assert guard.code(problem.reference or "") is None, problem.id
    assert all(guard.prompt(task_text(problem)) is not None for problem in heldout)


# ------------------------------------------------------------------------------ duplicates


def solving(number: int, task: str, code: str, reason: str = "So.") -> Trajectory:
    steps = (Step(reason=reason, action=Action(tool="finish", arguments={"answer": code})),)
    return make_trajectory(number, task=task, steps=steps, answer=code)


TASK = "Return the sum of all even numbers of the list, and 0 when there are none. " * 3


def kept(rule: DuplicateRule, key: DuplicateKey, *trajectories: Trajectory) -> list[str]:
    seen = Deduplicator(rule, key)
    return [t.id for t in trajectories if seen.duplicate_of(t) is None]


def test_exact_duplicates_say_the_same_in_every_word() -> None:
    first = solving(0, TASK, CODE)
    spaced = solving(1, TASK.replace(" ", "  "), CODE)
    other = solving(2, TASK, CODE, reason="Because.")
    exact, both = DuplicateRule.exact, DuplicateKey.both
    assert kept(exact, both, first, spaced, other) == ["t/0", "t/2"]
    assert len(kept(DuplicateRule.keep, both, first, first)) == 2
    assert Deduplicator(exact).duplicate_of(first) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (DuplicateKey.both, ["t/0", "t/2", "t/3", "t/4"]),
        (DuplicateKey.prompt, ["t/0", "t/3", "t/4"]),
        (DuplicateKey.code, ["t/0", "t/2"]),
        (DuplicateKey.either, ["t/0"]),
    ],
)
def test_near_duplicates_by_prompt_and_by_code(key: DuplicateKey, expected: list[str]) -> None:
    found = kept(
        DuplicateRule.near,
        key,
        solving(0, TASK, CODE),
        solving(1, TASK.lower() + "Thanks.", CODE.replace("# the", "# now the"), reason="Hm."),
        solving(2, TASK, "def total(xs):\n    return sum(x for x in xs if x % 2 == 0)\n"),
        solving(3, TASK.replace("0", "7"), CODE),  # another number: another task
        solving(4, "Merge two sorted lists into one list that is sorted as well.", CODE),
    )
    if key is DuplicateKey.either:
        assert found[0] == "t/0"
        assert set(found) <= {"t/0"}
    else:
        assert found == expected


def test_minhash_estimates_the_jaccard_similarity() -> None:
    left = tuple(f"w{n}" for n in range(400))
    for shared in (400, 380, 300, 100, 0):
        right = left[:shared] + tuple(f"v{n}" for n in range(400 - shared))
        true = shared / (800 - shared)
        assert abs(similarity(minhash(left, 1), minhash(right, 1)) - true) < 0.13


# ---------------------------------------------------------------------- choice and report


def test_the_best_of_several() -> None:
    first, short = solving(0, TASK, CODE), solving(1, TASK, "1")
    alone = solving(2, TASK, CODE).model_copy(update={"problem_id": "other"})
    several = [first, short, alone]
    assert choose(several, BestOf.all) is None
    assert choose(several, BestOf.first) == {"t/0", "t/2"}
    assert choose(several, BestOf.shortest) == {"t/1", "t/2"}
    nats = {"t/0": 0.5, "t/1": 0.9, "t/2": 3.0}
    assert choose(several, BestOf.likeliest, lambda b: [nats[t.id] for t in b]) == {"t/0", "t/2"}


def test_the_screen_removes_counts_and_reports(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"id": "mine/1", "question": PROMPT, "solution": CODE}) + "\n")
    heldout = load_problems(ProblemsConfig(families=[]), "heldout")[0]
    cfg = compose("prepare", [f"data.decontaminate=[builtin,{path}]", "problems.families=[]"])
    screen = Screen.build(cfg, best={"t/0", "t/1", "t/2", "t/4"})
    clean = solving(0, TASK, "def total(xs):\n    return 0\n")
    assert screen.refusal(clean) is None
    refused = [
        screen.refusal(solving(1, task_text(heldout), "1")),
        screen.refusal(solving(2, "Something else entirely.", CODE)),
        screen.refusal(solving(3, "A task.", "1")),
        screen.refusal(clean.model_copy(update={"id": "t/4"})),
    ]
    assert [found and found[0] for found in refused] == [
        "contaminated",
        "contaminated",
        "not_best",
        "duplicate",
    ]
    report = screen.report()
    assert report["removed"] == {"contaminated": 2, "duplicate": 1, "not_best": 1}
    assert report["evaluation_problems_found"] == {heldout.id: 1, "mine/1": 1}
    page = report_text(report)
    assert "| contaminated | 2 |" in page
    assert f"`{heldout.id}`" in page


def test_evaluation_sets_by_name_and_by_path(tmp_path: Path) -> None:
    problems = ProblemsConfig(families=[])
    assert 30 < len(evaluation_texts("builtin", problems)) < len(bank.load())
    with pytest.raises(ConfigError, match="no evaluation set and no file"):
        evaluation_texts("humanevil", problems)
    path = tmp_path / "x.jsonl"
    path.write_text('{"what": 1}\n')
    with pytest.raises(ConfigError, match=r"line 1 holds no prompt: its fields are what"):
        evaluation_texts(str(path), problems)


def test_the_built_in_texts_are_kept_between_runs(tmp_path: Path, monkeypatch) -> None:
    problems = ProblemsConfig(bank=False, families=["clock"])
    fresh = evaluation_texts("builtin", problems)
    made = evaluation_texts("builtin", problems, cache=tmp_path)
    (file,) = (tmp_path / "evaluation").iterdir()

    def none_is_made(*_: object) -> list:
        raise AssertionError("made again")

    with monkeypatch.context() as patch:
        patch.setattr("deepcoder.problems.loaders.load_problems", none_is_made)
        kept = evaluation_texts("builtin", problems, cache=tmp_path)
        with pytest.raises(AssertionError, match="made again"):  # other settings, another set
            evaluation_texts("builtin", replace(problems, seed=1), cache=tmp_path)
        file.write_text(file.read_text()[:-30])
        with pytest.raises(AssertionError, match="made again"):
            evaluation_texts("builtin", problems, cache=tmp_path)
    assert fresh
    assert kept == made
    assert [replace(text, tokens=None) for text in kept] == fresh
    assert [text.tokens for text in kept] == [code_tokens(text.code or "") for text in fresh]
    assert evaluation_texts("builtin", problems, cache=tmp_path) == made


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "evaluation").write_text("not a folder")
    problems = ProblemsConfig(bank=False, families=["clock"])
    assert evaluation_texts("builtin", problems, cache=tmp_path)


def test_code_is_looked_at_closely_only_where_the_names_of_a_solution_are() -> None:
    """The quick look never refuses what the close one would find."""
    texts = [text for text in evaluation_texts("builtin", ProblemsConfig()) if text.code]
    guard = Decontaminator(texts)
    found = [guard.code(f"x = 1\n{text.code}\n") for text in texts]
    long = [len(code_tokens(text.code)) >= 40 and not text.family for text in texts]
    assert sum(long) > 20
    assert [hit is not None for hit, is_long in zip(found, long, strict=True) if is_long] == [
        True
    ] * sum(long)
    assert not guard._may_hold_code("search[Who was born first?]")


def test_the_likeliest_under_a_student() -> None:
    torch = pytest.importorskip("torch")
    from rendering.real_tokenizers import renderer, tokenizer
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from deepcoder.spans.likelihood import Surprise
    from deepcoder.spans.selection import Policy, Selection

    torch.manual_seed(0)
    tokens = tokenizer("qwen2.5")
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokens), **size, **heads))
    selection = Selection(renderer("qwen2.5"), tokens, Policy(max_tokens=4096))
    trajectory = make_trajectory()
    (score,) = Surprise(selection, model)([trajectory])
    aligned = selection.results([trajectory])[0].examples[0].aligned
    ids = torch.as_tensor(aligned.input_ids, dtype=torch.long)
    with torch.no_grad():
        logs = model(input_ids=ids[None]).logits[0].float().log_softmax(-1)
    picked = [-float(logs[t - 1, ids[t]]) for t in range(1, len(ids)) if aligned.weighted[t]]
    assert score == pytest.approx(sum(picked) / len(picked), rel=1e-4)
