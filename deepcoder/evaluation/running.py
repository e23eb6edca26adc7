"""Plays the models of an evaluation one after the other, and keeps what the untrained one played.

Weights are loaded once. The untrained student's episodes depend on the student, the problems, the
agent and the budget, never on a training, so they are stored under a hash of exactly these and
copied into every later evaluation that asks for the same.

    played = asyncio.run(play_models(cfg, run, problems, ["student", "base"], adapter))
    played["base"].trajectories, played["base"].speed
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import OmegaConf

from deepcoder import __version__
from deepcoder.evaluation.models import StudentModels
from deepcoder.evaluation.playing import missing, play, read_samples, set_stale_aside
from deepcoder.evaluation.summary import solved
from deepcoder.runs import RunFolder, atomic_write, content_hash, progress, stage_key
from deepcoder.trajectories.collection import Task
from deepcoder.trajectories.store import TrajectoryStore
from deepcoder.types import Problem, Sampling, Trajectory

if TYPE_CHECKING:
    from deepcoder.chat_models.local import LocalChatModel, Throughput
    from deepcoder.config import Config
    from deepcoder.sandbox import SandboxPool

__all__ = ["Played", "agent_settings", "plain", "play_models"]

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


def agent_settings(cfg: Config) -> Any:
    """The agent of the configuration with the turns and the time that the benchmark allows."""
    budget = {"max_turns": cfg.benchmark.max_turns, "max_seconds": cfg.benchmark.max_seconds}
    return OmegaConf.create(plain(cfg.agent) | budget)


def plain(node: Any) -> dict[str, Any]:
    """A part of the configuration as an ordinary dictionary."""
    return cast("dict[str, Any]", OmegaConf.to_container(node, resolve=True))


async def play_models(
    cfg: Config,
    run: RunFolder,
    problems: Sequence[Problem],
    names: Sequence[str],
    adapter: Path | None,
) -> dict[str, Played]:
    """Play what is missing of every model; returns them with `base` first.

    Raises MissingError or DataError when a model cannot be opened, DeepcoderError when it fails
    while playing.
    """
    from deepcoder.sandbox import SandboxPool

    models = StudentModels(cfg, adapter)
    played = {}
    async with SandboxPool(cfg.sandbox) as pool:
        for name in names:
            async with contextlib.aclosing(models.chat(name)) as chat:
                played[name] = await _play_model(cfg, run, problems, name, chat, pool)
    return {name: played[name] for name in sorted(played)}


async def _play_model(
    cfg: Config,
    run: RunFolder,
    problems: Sequence[Problem],
    name: str,
    chat: LocalChatModel,
    pool: SandboxPool,
) -> Played:
    from deepcoder.agent.agent import Agent
    from deepcoder.trajectories.collection import plan

    benchmark = cfg.benchmark
    agent = Agent(chat, agent_settings(cfg), pool, keep_thinking=cfg.data.keep_thinking)
    tasks = plan(agent, problems, samples=benchmark.samples, seed=cfg.seed).tasks
    path = run.path / f"{name}.jsonl"
    if set_stale_aside(path, tasks):
        _speed_file(path).unlink(missing_ok=True)
    baseline = _baseline(cfg, tasks) if name == "base" else None
    if baseline is not None and not path.exists():
        _take(baseline, path)
    with TrajectoryStore(path) as store:
        todo = missing(tasks, store)
        with _speed(path, chat.throughput), _reporting(name, tasks, path, chat) as on_done:
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
                workers=benchmark.batch_size,
                config_hash=stage_key(cfg, "evaluate"),
                on_done=on_done,
            )
    result = Played(read_samples(path, tasks), _read_speed(path))
    rate = sum(map(solved, result.trajectories)) / len(tasks)
    run.metric(**{f"{name}/solved": rate, f"{name}/tokens_per_second": result.tokens_per_second})
    if baseline is not None and todo:
        _give(path, baseline)
    return result


@contextlib.contextmanager
def _reporting(
    name: str, tasks: Sequence[Task], path: Path, chat: LocalChatModel
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
            speed = f"{chat.throughput.tokens_per_second:.0f}"
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
            total = {key: before.get(key, 0) + now for key, now in vars(throughput).items()}
            atomic_write(_speed_file(path), json.dumps(total, indent=2) + "\n")


# ---------------------------------------------------------------------------------- baselines


def _baseline(cfg: Config, tasks: Sequence[Task]) -> Path:
    """Where the untrained student's samples of exactly this benchmark are kept.

    The ids of the tasks stand for problems, model, prompt, tools and seed.
    """
    benchmark = cfg.benchmark
    key = content_hash(
        [
            [task.id for task in tasks],
            [benchmark.temperature, benchmark.top_p, benchmark.max_tokens],
            plain(agent_settings(cfg)),
            cfg.data.keep_thinking,
            {key: v for key, v in plain(cfg.sandbox).items() if key not in NOT_MEASURED},
            __version__,
        ]
    )
    folder = Path(cfg.paths.runs).expanduser().absolute() / "baselines"
    return folder / f"{benchmark.name}-{key}.jsonl"


def _take(baseline: Path, path: Path) -> None:
    """Start from an earlier evaluation's samples of the untrained student, if there are any."""
    if baseline.exists():
        _copy(baseline, path)
        log.info("The untrained student was played before: taken from %s", baseline)


def _give(path: Path, baseline: Path) -> None:
    baseline.parent.mkdir(parents=True, exist_ok=True)
    _copy(path, baseline)


def _copy(source: Path, target: Path) -> None:
    """Copy samples and speed; the samples appear whole or not at all."""
    if _speed_file(source).exists():
        shutil.copyfile(_speed_file(source), _speed_file(target))
    atomic_write(target, source.read_bytes())
