"""The models under test: which ones are asked for, and how each is opened.

`base` is the student before training, `student` the trained one of `run`, `teacher` the configured
teacher; `benchmark.adapters` names more trained students on the same base and `benchmark.chat` more
chat models (a hub model, an API, a vLLM or SGLang endpoint). A name with `+constrained` behind it
is the same model whose actions are constrained to the protocol while they are decoded: an arm of
its own.

Adapters stay apart from the base, in the base's number format: the arithmetic of training under
`bf16-mixed`, where merging into bfloat16 weights would round a part of what was learned away.

    asked = under_test(cfg)                          # checked before anything heavy is loaded
    models = Models(cfg, problems)                   # loads on first use
    chat = models.open(asked[0])
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.runs import file_hash, stage_folder
from deepcoder.types import Fingerprint, Problem

if TYPE_CHECKING:
    from deepcoder.chat_models import ChatModel
    from deepcoder.chat_models.constraining import ActionGrammar
    from deepcoder.chat_models.local import LocalChatModel
    from deepcoder.chat_models.pricing import Spending
    from deepcoder.config import TeacherConfig

__all__ = ["CONSTRAINED", "Models", "UnderTest", "find_adapter", "fingerprint", "under_test"]

log = logging.getLogger(__name__)

WEIGHTS = "adapter_model.safetensors"
CONSTRAINED = "+constrained"
"""Behind a name: actions are constrained to the protocol."""
BASE, STUDENT, TEACHER = "base", "student", "teacher"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class UnderTest:
    """One arm of an evaluation: a student (with its adapter, if any) or a chat model."""

    name: str
    adapter: Path | None = None
    chat: TeacherConfig | None = None
    """Settings of a chat model that is not the student; None for the student."""
    untrained: bool = False
    """A student whose training has not been run: it cannot be opened."""

    @property
    def constrained(self) -> bool:
        return self.name.endswith(CONSTRAINED)

    @property
    def trained(self) -> bool:
        """Whether training can change what it answers: its samples are no baseline."""
        return self.adapter is not None


def under_test(cfg: Any) -> list[UnderTest]:
    """The models of `benchmark.models`, trained ones first: a broken adapter shows soon.

    Raises ConfigError for a name that nothing explains, MissingError for a named folder without an
    adapter, DataError for an adapter of another base.
    """
    benchmark = cfg.benchmark
    _check_names(benchmark)
    made = []
    for name in benchmark.models:
        plain = name.removesuffix(CONSTRAINED)
        if plain == BASE:
            made.append(UnderTest(name))
        elif plain == STUDENT:
            adapter = find_adapter(cfg)
            made.append(UnderTest(name, adapter, untrained=adapter is None))
        elif plain == TEACHER:
            made.append(UnderTest(name, chat=cfg.teacher))
        elif plain in benchmark.adapters:
            folder = benchmark.adapters[plain]
            where = f"benchmark.adapters.{plain}={folder}"
            made.append(UnderTest(name, _adapter_in(folder, where, cfg.student.model)))
        else:
            made.append(UnderTest(name, chat=benchmark.chat[plain]))
    return sorted(made, key=lambda model: not model.trained)


def _check_names(benchmark: Any) -> None:
    own = [*benchmark.adapters, *benchmark.chat]
    known = [BASE, STUDENT, TEACHER, *own]
    for name in own:
        if not _NAME.fullmatch(name) or known.count(name) > 1:
            raise ConfigError(
                f"benchmark.adapters or benchmark.chat has a model called {name!r}.",
                fix="use a name of letters, digits, dot, dash, that no other model has",
            )
    asked = list(benchmark.models)
    unknown = [name for name in asked if name.removesuffix(CONSTRAINED) not in known]
    if not asked or unknown or len(set(asked)) < len(asked):
        raise ConfigError(
            f"benchmark.models={asked} is not a choice of models.",
            fix=f"use some of {', '.join(known)}, each once, or with {CONSTRAINED} behind it; "
            "name more in benchmark.adapters and benchmark.chat",
        )


def find_adapter(cfg: Any) -> Path | None:
    """The adapter folder to evaluate: that of `run`, or of this configuration's training.

    None when the configuration's own training has not been run. Raises MissingError when `run` is
    named and has no adapter, DataError when the adapter belongs to another base.
    """
    if cfg.run:
        return _adapter_in(cfg.run, f"run={cfg.run}", cfg.student.model)
    folder = stage_folder(cfg, "train")
    if not (folder / "adapter" / WEIGHTS).is_file():
        return None
    return _adapter_in(folder, str(folder), cfg.student.model)


def _adapter_in(folder: str | Path, where: str, student: str) -> Path:
    """The adapter in a training run, or the folder itself."""
    path = Path(folder).expanduser()
    adapter = path / "adapter" if (path / "adapter").is_dir() else path
    if not (adapter / WEIGHTS).is_file():
        raise MissingError(
            f"{where} has no trained adapter ({WEIGHTS}).",
            fix="give the folder of a finished training run, e.g. runs/train/…",
        )
    _check_base(adapter, student)
    return adapter


def _check_base(adapter: Path, student: str) -> None:
    """A mismatch shows before anything heavy is loaded; shapes are checked when it is attached."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{adapter / 'adapter_config.json'} cannot be read: {error}", fix="train again"
        ) from error
    base = str(config.get("base_model_name_or_path") or "")
    if base and Path(base).name.lower() != Path(student).name.lower():
        raise DataError(
            f"The adapter in {adapter} was trained on {base}, and student.model is {student}.",
            fix="evaluate with the student that was trained, e.g. student=smollm2",
        )


def fingerprint(student: Any, adapter: Path | None, constrained: str | None = None) -> Fingerprint:
    """Names the model under test: another adapter, or another grammar, is another model."""
    settings = {"dtype": str(student.dtype), "quantization": str(student.quantization)}
    if adapter is not None:
        settings["adapter"] = file_hash(adapter / WEIGHTS)
    if constrained is not None:
        settings["constrained"] = constrained
    return Fingerprint(
        kind="student", model=str(student.model), revision=student.revision, settings=settings
    )


class Models:
    """Opens models under test. All students share the weights of one base in memory.

    Only one student may answer at a time: opening the next changes the network under the last.
    """

    def __init__(
        self, cfg: Any, problems: Sequence[Problem], spending: Spending | None = None
    ) -> None:
        self._cfg = cfg
        self._problems = problems
        self._spending = spending
        self._network: Any = None
        self._tokenizer: Any = None

    def open(self, model: UnderTest) -> ChatModel:
        """The chat model of an arm.

        Raises MissingError when weights or a key cannot be had, DataError for an adapter that does
        not fit, ConfigError for constraints on a model that is not decoded here.
        """
        if model.chat is None:
            return self._student(model)
        from deepcoder.chat_models import build_teacher

        if model.constrained:
            raise ConfigError(
                f"{model.name} asks for constrained actions, which only local students have.",
                fix=f"ask for base{CONSTRAINED} or student{CONSTRAINED}",
            )
        return build_teacher(
            model.chat,
            self._problems,
            self._cfg.seed,
            protocol=self._cfg.agent.protocol,
            spending=self._spending if model.chat.kind.remote else None,
        )

    def _student(self, model: UnderTest) -> LocalChatModel:
        from deepcoder.chat_models.local import LocalChatModel

        self.network(model)
        grammar = self._grammar() if model.constrained else None
        return LocalChatModel(
            self._network,
            self._tokenizer,
            batch_size=self._cfg.benchmark.batch_size,
            fingerprint=fingerprint(
                self._cfg.student, model.adapter, grammar.digest if grammar else None
            ),
            grammar=grammar,
        )

    def _grammar(self) -> ActionGrammar:
        """The protocol's grammar, with the tools that the benchmark allows."""
        from deepcoder.chat_models.constraining import ActionGrammar
        from deepcoder.evaluation.settings import agent_settings
        from deepcoder.rendering import ChatRenderer
        from deepcoder.rendering.grammars import grammar

        agent = agent_settings(self._cfg)
        renderer = ChatRenderer.from_tokenizer(self._tokenizer)
        return ActionGrammar(
            grammar(agent.protocol, list(agent.tools)),
            self._tokenizer,
            width=self._network.config.get_text_config().vocab_size,
            stop_ids=renderer.stop_ids(self._tokenizer),
        )

    def network(self, model: UnderTest) -> tuple[Any, Any]:
        """The transformers model of a student with its adapter, and the tokenizer."""
        self._load()
        self._switch(model.adapter)
        return self._network, self._tokenizer

    def _load(self) -> None:
        import torch

        from deepcoder.students import load_base, load_tokenizer, preflight

        if self._network is not None:
            return
        cache = Path(self._cfg.paths.cache).expanduser()
        preflight(self._cfg.student)
        device = "cuda" if torch.cuda.is_available() else None
        self._tokenizer = load_tokenizer(self._cfg.student, cache)
        self._network = load_base(self._cfg.student, cache, device=device)
        self._network.config.use_cache = True

    def _switch(self, adapter: Path | None) -> None:
        from deepcoder.students import load_adapter
        from deepcoder.students.low_rank import for_decoding, without_adapter

        self._network = without_adapter(self._network)
        if adapter is not None:
            self._network = for_decoding(load_adapter(self._network, adapter))


def in_order(names: Iterable[str]) -> list[str]:
    """Names as a table shows them: base first, teacher last, the rest as they were asked for."""
    place = {BASE: 0, TEACHER: 2}
    return sorted(names, key=lambda name: place.get(name.removesuffix(CONSTRAINED), 1))
