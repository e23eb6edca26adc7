"""Runs what is missing of the study, through deepcoder's own stages, and can be killed at any time.

    python -m experiments.e001_sad_vs_token_kd.run cpu                    # everything (make e001)
    python -m experiments.e001_sad_vs_token_kd.run cpu --only sad --seed 3   # one run
    python -m experiments.e001_sad_vs_token_kd.run cpu --print            # the commands, one a line

Order: the oracle's trajectories, the tokenizer, the two models, the teacher's verified rollouts,
the references (teacher and untrained student on the held-out problems), then every arm and seed,
seeds outermost: a study that is stopped early has whole seeds of all arms. Each stage is called in
this process as `python -m deepcoder.<stage> <overrides>` would call it, with run folders under
`runs/e001-<scale>`; only a summary of each run goes to `results/<scale>`.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from deepcoder.errors import MissingError
from experiments.e001_sad_vs_token_kd.arms import ARMS, Arm
from experiments.e001_sad_vs_token_kd.scales import SCALES, Adapted, Scale, Scratch
from experiments.e001_sad_vs_token_kd.summaries import training_facts, write_summary

__all__ = ["HERE", "ROOT", "Study", "main", "run_stage"]

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Study:
    """The study at one scale: where things lie, and the overrides of every stage."""

    def __init__(self, scale: Scale, runs: Path | None = None, results: Path | None = None) -> None:
        self.scale = scale
        self.runs = (runs or ROOT / "runs" / f"e001-{scale.name}").absolute()
        self.results = results or HERE / "results" / scale.name
        self.models = self.runs / "models"
        self.tokenizer = self.models / f"e001-{scale.name}-tokenizer"
        self.teacher = self.models / f"e001-{scale.name}-teacher"
        self.student = self.models / f"e001-{scale.name}-student"

    # -------------------------------------------------------------------------- configuration

    def _problems(self, variants: int, seed: int = 0) -> list[str]:
        return [
            f"paths.runs={self.runs}",
            "problems.bank=false",
            f"problems.families=[{','.join(self.scale.families)}]",
            f"problems.variants={variants}",
            f"problems.seed={seed}",
            "generation.workers=16",
            # The splits are apart by parameters (deepcoder/problems/families/core.py); a filter on
            # shared words would remove variants of the very families that are tested.
            "data.decontaminate=[]",
        ]

    def oracle(self) -> list[str]:
        """What the models themselves learn from."""
        student = ["student=smollm2"]
        if isinstance(self.scale.models, Scratch):
            student = ["student.source=hub", f"student.model={self.tokenizer}"]
            student += ["student.max_tokens=1024"]
        return [
            *self._problems(self.scale.variants),
            "generation.limit=null",
            "teacher.mistake_rate=0",
            *student,
            "data.validation_fraction=0.004",
            "data.workers=1",  # in this process: a pool would import whoever called
            "data.page_examples=0",
        ]

    def adapted(self, steps: int) -> list[str]:
        """The training whose adapter is merged into the embedded model."""
        return [
            *self.oracle(),
            "loss=sft",
            f"trainer.max_steps={steps}",
            f"trainer.val_check_interval={steps}",
        ]

    def distillation(self) -> list[str]:
        """What all arms share: teacher, rollouts, start, budget, benchmark."""
        scale = self.scale
        every = ",".join((*scale.families, *scale.unseen))
        dtype = "bfloat16" if isinstance(scale.models, Adapted) else "float32"
        return [
            *self._problems(scale.rollout_variants, seed=1),
            f"generation.limit={scale.rollout_limit}",
            f"agent.max_turns={scale.turns}",
            "teacher=local",
            f"teacher.model={self.teacher}",
            f"teacher.dtype={dtype}",
            "teacher.temperature=0.5",
            f"teacher.max_tokens={scale.max_tokens}",
            f"teacher.batch_size={scale.decode_together}",
            f"generation.workers={scale.decode_together}",
            "student.source=hub",
            f"student.model={self.student}",
            f"student.dtype={dtype}",
            "student.max_tokens=1024",
            f"student.lora={{r: {scale.lora_rank}, alpha: {scale.lora_rank}}}",
            f"data.batch_tokens={scale.step_tokens}",
            "data.page_examples=0",
            "trainer.max_epochs=100",
            f"trainer.max_steps={scale.steps}",
            f"trainer.val_check_interval={scale.steps}",
            f"trainer.precision={scale.precision}",
            f"optim.optimizer.lr={scale.lr}",
            f"optim.warmup_steps={scale.warmup}",
            "callbacks.checkpoint.every_n_steps=1000",
            "benchmark=builtin",
            "benchmark.limit=null",
            f"benchmark.max_tokens={scale.max_tokens}",
            f"benchmark.max_turns={scale.turns}",
            f"benchmark.batch_size={scale.decode_together}",
            "benchmark.bootstrap=200",  # the study's own tables resample again, over seeds too
            "benchmark.problems.bank=false",
            f"benchmark.problems.families=[{every}]",
            f"benchmark.problems.heldout_variants={scale.heldout}",
        ]

    def arm(self, arm: Arm, seed: int) -> list[str]:
        """One run. The rollouts are named, or another seed would ask for rollouts of its own."""
        return [
            *self.distillation(),
            f"data.trajectories={self.rollouts}",
            *arm.overrides,
            f"loss.name={arm.name}",
            f"seed={seed}",
            "benchmark.models=[student]",
        ]

    def references(self) -> list[str]:
        """The teacher and the untrained student on the benchmark."""
        return [*self.distillation(), "benchmark.models=[base,teacher]"]

    @cached_property
    def rollouts(self) -> Path:
        """The run folder of the teacher's verified trajectories."""
        from deepcoder.config import compose
        from deepcoder.runs import stage_folder

        who = self.oracle() if self.scale.scripted else self.distillation()
        return stage_folder(compose("generate", who), "generate")

    def jobs(self) -> list[tuple[Arm, int]]:
        """Every run, seeds outermost."""
        return [(arm, seed) for seed in self.scale.seeds for arm in ARMS.values()]

    def result(self, arm: str, seed: int) -> Path:
        """Where the summary of a run lies."""
        return self.results / f"{arm}-{seed}.json"

    # -------------------------------------------------------------------------------- stages

    def make_models(self) -> None:
        """The oracle's trajectories, the teacher and the student's start."""
        recipe = self.scale.models
        self.models.mkdir(parents=True, exist_ok=True)
        if isinstance(recipe, Adapted):
            self._adapt(self.teacher, recipe.teacher_steps)
            self._adapt(self.student, recipe.student_steps)
        else:
            self._from_nothing(recipe)

    def _adapt(self, folder: Path, steps: int) -> None:
        from deepcoder.runs import stage_folder
        from experiments.e001_sad_vs_token_kd.models import merge_adapter

        cfg = run_stage("train", self.adapted(steps))
        train = stage_folder(cfg, "train")
        facts = training_facts(train)
        kept = {"tokens": facts["tokens"], "steps": facts["steps"]}
        cache = Path(cfg.paths.cache).expanduser()
        merge_adapter(cfg.student, cache, train / "adapter", folder, kept)

    def _from_nothing(self, recipe: Scratch) -> None:
        from deepcoder.runs import stage_folder
        from experiments.e001_sad_vs_token_kd.models import make_model, make_tokenizer

        cfg = run_stage("generate", self.oracle())
        trajectories = stage_folder(cfg, "generate") / "trajectories.jsonl"
        make_tokenizer(trajectories, self.tokenizer, recipe.vocabulary)
        cfg = run_stage("prepare", self.oracle())
        shared = (self.tokenizer, stage_folder(cfg, "prepare") / "examples.parquet")
        early = None
        if recipe.student is None:
            early = (self.student, recipe.student_tokens)
        else:
            make_model(self.student, recipe.student, *shared, recipe.student_tokens, recipe)
        make_model(self.teacher, recipe.teacher, *shared, recipe.teacher_tokens, recipe, early)

    def prepare(self) -> None:
        """Everything that arms share."""
        from deepcoder.runs import stage_folder

        self.make_models()
        if not self.scale.scripted:
            run_stage("generate", self.distillation())
        cfg = run_stage("evaluate", self.references())
        folder = stage_folder(cfg, "evaluate")
        for model, name in (("base", "start"), ("teacher", "teacher")):
            if not self.result(name, 0).exists():
                write_summary(self, name, 0, folder / f"{model}.jsonl", None)

    def play(self, arm: Arm, seed: int) -> None:
        """Train and evaluate one run, unless its summary is there."""
        from deepcoder.runs import stage_folder

        if self.result(arm.name, seed).exists():
            return
        overrides = self.arm(arm, seed)
        train = stage_folder(run_stage("train", overrides), "train")
        folder = stage_folder(run_stage("evaluate", overrides), "evaluate")
        write_summary(self, arm.name, seed, folder / "student.jsonl", train)

    def teacher_samples(self) -> Path:
        """The teacher's episodes on the benchmark, for agreement of reasoning."""
        from deepcoder.config import compose
        from deepcoder.runs import stage_folder

        folder = stage_folder(compose("evaluate", self.references()), "evaluate")
        if not (folder / "teacher.jsonl").exists():
            raise MissingError(
                f"The teacher has not played the benchmark in {folder}.",
                fix="run the study without --share first: it plays the references",
            )
        return folder / "teacher.jsonl"


def run_stage(name: str, overrides: list[str]) -> Any:
    """Run a stage as its command would; returns its configuration."""
    from importlib import import_module

    from deepcoder.config import compose, validate

    cfg = compose(name, overrides)
    validate(cfg)
    stage = import_module(f"deepcoder.{name}").main
    run = stage.open(cfg)
    stage.run(cfg, run)
    if run.info().get("status") == "running":
        run.finish()
    return cfg


def main(arguments: list[str] | None = None) -> int:
    """See the module; returns the exit status: 0 only when every summary is there."""
    parser = argparse.ArgumentParser(description="Runs what is missing of the study.")
    parser.add_argument("scale", choices=sorted(SCALES))
    parser.add_argument("--only", choices=sorted(ARMS), help="one arm")
    parser.add_argument("--seed", type=int, help="one seed")
    parser.add_argument("--workers", type=int, default=2, help="runs side by side")
    parser.add_argument("--share", help=argparse.SUPPRESS)  # k/n: set for the worker processes
    parser.add_argument("--print", action="store_true", help="print the commands and stop")
    asked = parser.parse_args(arguments)
    study = Study(SCALES[asked.scale])
    jobs = [
        (arm, seed)
        for arm, seed in study.jobs()
        if asked.only in (None, arm.name) and asked.seed in (None, seed)
    ]
    if asked.print:
        for arm, seed in jobs:
            for stage in ("train", "evaluate"):
                words = " ".join(f"'{word}'" for word in study.arm(arm, seed))
                print(f"python -m deepcoder.{stage} {words}")
        return 0
    if asked.share:
        part, parts = map(int, asked.share.split("/"))
        return _play(study, jobs[part::parts])
    study.prepare()
    missing = [job for job in jobs if not study.result(job[0].name, job[1]).exists()]
    if missing:
        _spawn(sys.argv[1:] if arguments is None else arguments, min(asked.workers, len(missing)))
    left = [f"{arm.name}-{seed}" for arm, seed in jobs if not study.result(arm.name, seed).exists()]
    if left:
        print(f"error: {len(left)} runs are not done: {', '.join(left)}. Fix: run this again.")
        return 1
    from experiments.e001_sad_vs_token_kd.tables import write

    write(study.scale, study.results)
    return 0


def _play(study: Study, jobs: list[tuple[Arm, int]]) -> int:
    from deepcoder.errors import DeepcoderError

    failed = 0
    for arm, seed in jobs:
        log.info("== %s, seed %d", arm.name, seed)
        try:
            study.play(arm, seed)
        except DeepcoderError as error:  # the other runs go on; the exit status tells
            log.error("%s, seed %d: %s", arm.name, seed, error)
            failed += 1
    return int(failed > 0)


def _spawn(arguments: list[str], workers: int) -> None:
    """Processes that share the runs, one thread each: small models gain little from more."""
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    command = [sys.executable, "-m", "experiments.e001_sad_vs_token_kd.run", *arguments]
    processes = [
        subprocess.Popen([*command, "--share", f"{n}/{workers}"], cwd=ROOT, env=environment)
        for n in range(workers)
    ]
    try:
        for process in processes:
            process.wait()
    except BaseException:
        for process in processes:
            process.terminate()
        raise


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main())
