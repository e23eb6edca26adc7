"""Plays the models of an evaluation one after the other, and keeps what untrained ones played.

Weights are loaded once. The episodes of a model that is not trained here (the untrained student, a
teacher, an endpoint) depend on the model, the problems, the agent and the budget, never on a
training, so they are stored under a hash of exactly these and copied into every later evaluation
that asks for the same.

    played = asyncio.run(play_models(cfg, run, problems, under_test(cfg)))
    played["base"].trajectories, played["base"].speed
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from omegaconf import OmegaConf

from deepcoder import __version__
from deepcoder.chat_models.throughput import Throughput
from deepcoder.config import EpisodeMode
from deepcoder.evaluation.models import Models, UnderTest, in_order
from deepcoder.evaluation.playing import missing, play, read_samples, set_stale_aside
from deepcoder.evaluation.settings import agent_settings, plain
from deepcoder.evaluation.summary import solved
from deepcoder.runs import RunFolder, atomic_write, content_hash, progress, stage_key
from deepcoder.trajectories.collection import Task
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.types import Problem, Sampling, StopReason, Trajectory

if TYPE_CHECKING:
    from deepcoder.chat_models import ChatModel
    from deepcoder.chat_models.pricing import Spending
    from deepcoder.config import Config
    from deepcoder.sandbox import SandboxPool

__all__ = ["Played", "play_models"]

log = logging.getLogger(__name__)

NOT_MEASURED = ("workers", "recycle_after")
"""Settings of the sandbox that change no verdict."""


@dataclass(frozen=True)
class Played:
    """All episodes of a model, in the order of the benchmark, and how fast they were written.

    `speed`: sampled_tokens, prompt_tokens, prefilled_tokens, and seconds in which the model was
    busy, summed over interrupted attempts.
    """

    trajectories: list[Trajectory]
    speed: dict[str, float]

    @property
    def tokens_per_second(self) -> float | None:
        """Sampled tokens a second of busy model, prompts included in the time."""
        seconds = self.speed.get("seconds", 0)
        return self.speed["sampled_tokens"] / seconds if seconds else None


async def play_models(
    cfg: Config, run: RunFolder, problems: Sequence[Problem], models: Sequence[UnderTest]
) -> dict[str, Played]:
    """Play what is missing of every model; returns them in the order of a table.

    Raises MissingError or DataError when a model cannot be opened, DeepcoderError when it fails
    while playing.
    """
    from deepcoder.sandbox import SandboxPool

    opener = Models(cfg, problems, _account(cfg, run, models))
    played = {}
    async with SandboxPool(cfg.sandbox) as pool:
        for model in models:
            async with contextlib.aclosing(opener.open(model)) as chat:
                played[model.name] = await _play_model(cfg, run, problems, model, chat, pool)
    return {name: played[name] for name in in_order(played)}


def _account(cfg: Config, run: RunFolder, models: Sequence[UnderTest]) -> Spending | None:
    """One account for all models that cost money, under the budgets of `generation`."""
    if not any(model.chat is not None and model.chat.kind.remote for model in models):
        return None
    from deepcoder.chat_models.pricing import Spending

    return Spending(
        run.path / "spending.jsonl",
        max_usd=cfg.generation.max_usd,
        max_tokens=cfg.generation.max_tokens,
    )


async def _play_model(
    cfg: Config,
    run: RunFolder,
    problems: Sequence[Problem],
    model: UnderTest,
    chat: ChatModel,
    pool: SandboxPool,
) -> Played:
    from deepcoder.agent.agent import Agent
    from deepcoder.agent.corpus import retrieve_tool
    from deepcoder.chat_models.local import LocalChatModel
    from deepcoder.trajectories.collection import plan

    benchmark, name = cfg.benchmark, model.name
    local = isinstance(chat, LocalChatModel)
    settings = agent_settings(cfg)
    agent = Agent(
        chat,
        settings,
        pool,
        keep_thinking=cfg.data.keep_thinking,
        retrieve=retrieve_tool(cast("Config", OmegaConf.merge(cfg, {"agent": settings})), run.path),
    )
    tasks = plan(agent, problems, samples=benchmark.samples, seed=cfg.seed).tasks
    path = run.path / f"{name}.jsonl"
    if set_stale_aside(path, tasks):
        _speed_file(path).unlink(missing_ok=True)
    baseline = None if model.trained else _baseline(cfg, tasks)
    if baseline is not None and not path.exists():
        _take(name, baseline, path)
    with TrajectoryStore(path) as store:
        todo = missing(tasks, store)
        throughput = chat.throughput if isinstance(chat, LocalChatModel) else Throughput()
        clock = contextlib.nullcontext() if local else throughput.running()
        with _speed(path, throughput), clock, _reporting(name, tasks, path, throughput) as on_done:

            def done(trajectory: Trajectory) -> None:
                if not local:
                    throughput.add(trajectory.usage)
                on_done(trajectory)

            await play(
                agent,
                pool,
                todo,
                store,
                sampling=Sampling(
                    max_tokens=benchmark.max_tokens,
                    temperature=benchmark.temperature,
                    top_p=benchmark.top_p,
                ),
                seed=cfg.seed,
                workers=benchmark.batch_size if local else benchmark.workers,
                config_hash=stage_key(cfg, "evaluate"),
                single=benchmark.mode is EpisodeMode.single,
                on_done=done,
            )
    result = Played(read_samples(path, tasks), _read_speed(path))
    _warn_unfinished(name, result.trajectories)
    rate = sum(map(solved, result.trajectories)) / len(tasks)
    run.metric(**{f"{name}/solved": rate, f"{name}/tokens_per_second": result.tokens_per_second})
    if baseline is not None and todo:
        _give(path, baseline)
    return result


def _warn_unfinished(name: str, rows: Sequence[Trajectory]) -> None:
    """A model that never gave an answer was measured, and its zero has a reason worth a line."""
    if any(row.stop is StopReason.FINISHED for row in rows):
        return
    why = Counter(str(row.stop) for row in rows).most_common()
    log.warning(
        "%s never ended with an answer: %s.", name, ", ".join(f"{n} x {stop}" for stop, n in why)
    )


@contextlib.contextmanager
def _reporting(
    name: str, tasks: Sequence[Task], path: Path, throughput: Throughput
) -> Iterator[Callable[[Trajectory], None]]:
    """A progress bar with the running pass@1 and the speed of the model."""
    before = [solved(trajectory) for trajectory in TrajectoryStore(path)]
    done, passed = len(before), sum(before)
    with progress(f"evaluate {name}", len(tasks)) as advance:
        if done:
            advance(done, **{"pass@1": f"{passed / done:.0%}"})

        def on_done(trajectory: Trajectory) -> None:
            nonlocal done, passed
            done, passed = done + 1, passed + solved(trajectory)
            speed = f"{throughput.tokens_per_second:.0f}"
            advance(1, **{"pass@1": f"{passed / done:.0%}", "tokens/s": speed})

        yield on_done


# ------------------------------------------------------------------------------------- speed


def _speed_file(path: Path) -> Path:
    return path.with_suffix(".speed.json")


def _read_speed(path: Path) -> dict[str, float]:
    file = _speed_file(path)
    return json.loads(file.read_text()) if file.exists() else {}


@contextlib.contextmanager
def _speed(path: Path, throughput: Throughput) -> Iterator[None]:
    """Add this attempt's tokens and seconds to those of earlier ones, however it ends."""
    try:
        yield
    finally:
        if throughput.sampled_tokens:
            before = _read_speed(path)
            total = {key: before.get(key, 0) + now for key, now in asdict(throughput).items()}
            atomic_write(_speed_file(path), json.dumps(total, indent=2) + "\n")


# ---------------------------------------------------------------------------------- baselines


def _baseline(cfg: Config, tasks: Sequence[Task]) -> Path:
    """Where the samples of an untrained model on exactly this benchmark are kept.

    The ids of the tasks stand for problems, model, prompt, tools and seed.
    """
    benchmark = cfg.benchmark
    key = content_hash(
        [
            [task.id for task in tasks],
            [benchmark.temperature, benchmark.top_p, benchmark.max_tokens, str(benchmark.mode)],
            plain(agent_settings(cfg)),
            cfg.data.keep_thinking,
            {key: v for key, v in plain(cfg.sandbox).items() if key not in NOT_MEASURED},
            __version__,
        ]
    )
    folder = Path(cfg.paths.runs).expanduser().absolute() / "baselines"
    return folder / f"{benchmark.name}-{key}.jsonl"


def _take(name: str, baseline: Path, path: Path) -> None:
    """Start from an earlier evaluation's samples of the same model, if there are any."""
    if baseline.exists():
        _copy(baseline, path)
        log.info("%s was played before: taken from %s", name, baseline)


def _give(path: Path, baseline: Path) -> None:
    baseline.parent.mkdir(parents=True, exist_ok=True)
    _copy(path, baseline)


def _copy(source: Path, target: Path) -> None:
    """Copy samples and speed; the samples appear whole or not at all."""
    if _speed_file(source).exists():
        shutil.copyfile(_speed_file(source), _speed_file(target))
    atomic_write(target, source.read_bytes())
