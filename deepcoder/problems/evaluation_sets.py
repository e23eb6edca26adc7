"""The evaluation sets that nothing may be trained on, by the names that a configuration gives.

guard, sizes = evaluation_guard(["builtin", "mine.jsonl"], cfg.problems, "data.decontaminate")
guard.prompt(text)              # see `decontamination`
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deepcoder.config import ProblemsConfig, ProblemsKind
from deepcoder.errors import ConfigError
from deepcoder.problems.decontamination import Decontaminator, EvaluationText
from deepcoder.problems.evaluation_cache import BuiltinTexts

__all__ = ["evaluation_guard", "evaluation_texts"]

_PROMPTS = ("prompt", "question", "text", "problem", "instruction", "task")
_CODES = ("reference", "canonical_solution", "code", "solution")


def evaluation_guard(
    names: Iterable[str], problems: ProblemsConfig, setting: str, cache: Path | None = None
) -> tuple[Decontaminator, dict[str, int]]:
    """What finds the problems of these sets, and each set's size. Raises as `evaluation_texts`.

    `cache`: a folder where the texts of the built-in set are kept; null keeps none.
    """
    texts: list[EvaluationText] = []
    sizes = {}
    for name in names:
        found = evaluation_texts(name, problems, setting, cache)
        sizes[name] = len(found)
        texts += found
    return Decontaminator(texts), sizes


def evaluation_texts(
    name: str,
    problems: ProblemsConfig,
    setting: str = "data.decontaminate",
    cache: Path | None = None,
) -> list[EvaluationText]:
    """The texts of an evaluation set: `builtin`, `humaneval`, `mbpp`, any other kind of problems as
    `kind=path`, or the path of a file with prompts (and solutions) of any layout.
    Errors name `setting`.

    Raises ConfigError for a name that is neither, and what the loaders raise.
    """
    from deepcoder.problems.loaders import load_problems
    from deepcoder.problems.rows import rows

    kind, _, path = name.partition("=")
    if kind in ProblemsKind.__members__ and (path or "/" not in name):
        if kind == "builtin":
            cfg = problems if problems.kind is ProblemsKind.builtin else ProblemsConfig()
        else:
            cfg = ProblemsConfig(kind=ProblemsKind(kind), path=path or None, heldout_fraction=1.0)

        def texts_of_heldout() -> list[EvaluationText]:
            return [EvaluationText.of(problem) for problem in load_problems(cfg, "heldout")]

        if kind == "builtin":
            return BuiltinTexts(cache).get(cfg, texts_of_heldout)
        return texts_of_heldout()
    if not Path(name).expanduser().exists():
        raise ConfigError(
            f"{setting} names {name!r}, which is no evaluation set and no file.",
            fix=f"use some of {', '.join(ProblemsKind)}, kind=path, or the path of a file",
        )
    texts = []
    for where, row in rows(name):
        prompt = next((row[key] for key in _PROMPTS if isinstance(row.get(key), str)), None)
        if prompt is None:
            raise ConfigError(
                f"{where} holds no prompt: its fields are {', '.join(sorted(row))[:200]}.",
                fix=f"name the field with the prompt one of {', '.join(_PROMPTS)}",
            )
        code = next((row[key] for key in _CODES if isinstance(row.get(key), str)), None)
        texts.append(EvaluationText(str(row.get("id", row.get("task_id", where))), prompt, code))
    return texts
