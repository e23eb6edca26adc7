"""Check that the chosen configuration can run here, and say what to do where it cannot.

    python -m deepcoder.doctor                      # the embedded default
    python -m deepcoder.doctor student=qwen3b --json

Looks at Python and package versions, the accelerator, memory and disk against the configuration,
bitsandbytes, the sandbox's tiers, the student's weights, and which keys are set (never their
values). Changes nothing. Exit status 1 when the configuration cannot run.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from deepcoder.config import Config, Quantization, TeacherKind
from deepcoder.errors import DeepcoderError
from deepcoder.runs import RunFolder, stage

__all__ = ["Check", "Verdict", "checks", "main"]

GIB = 1024**3
RUN_FOLDER_BYTES = 0.5 * GIB


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    """Works, but not as well as it could."""
    FAIL = "fail"
    """This configuration cannot run."""


@dataclass(frozen=True)
class Check:
    """One line of the table; `fix` says what to do unless all is well."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


def checks(cfg: Config) -> Iterator[Check]:
    """Every check in order, each as soon as it is known. None of them raises."""
    for function in (
        _python,
        _packages,
        _torch,
        _bitsandbytes,
        _student,
        _memory,
        _disk,
        _sandbox,
        _corpus,
        _teacher,
        _keys,
    ):
        yield from _guarded(function, cfg)


def _guarded(function: Callable[[Config], Iterator[Check]], cfg: Config) -> Iterator[Check]:
    name = function.__name__.lstrip("_")
    try:
        yield from function(cfg)
    except DeepcoderError as error:
        yield Check(name, Verdict.FAIL, error.message, error.fix or "")
    except Exception as error:  # a broken installation can fail in any way; the doctor goes on
        yield Check(name, Verdict.FAIL, f"{type(error).__name__}: {error}", "reinstall: make clean")


def _python(cfg: Config) -> Iterator[Check]:
    ok = sys.version_info >= (3, 11)
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Check("python", Verdict.OK if ok else Verdict.FAIL, found, "" if ok else "use 3.11+")


def _packages(cfg: Config) -> Iterator[Check]:
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in requires("deepcoder") or []]
    except PackageNotFoundError:
        yield Check("packages", Verdict.WARN, "deepcoder is not installed", "run `make install`")
        return
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]
    bad = []
    for requirement in wanted:
        try:
            have = version(requirement.name)
        except PackageNotFoundError:
            bad.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(have, prereleases=True):
            bad.append(f"{requirement.name} {have} is not {requirement.specifier}")
    fix = "pip install -e . -c constraints.txt" if bad else ""
    found = "; ".join(bad) or f"{len(wanted)} direct dependencies as required"
    yield Check("packages", Verdict.FAIL if bad else Verdict.OK, found, fix)


def _torch(cfg: Config) -> Iterator[Check]:
    import torch

    if torch.cuda.is_available():
        name, memory = torch.cuda.get_device_name(0), torch.cuda.mem_get_info()[1] / GIB
        yield Check(
            "accelerator", Verdict.OK, f"torch {torch.__version__}, {name}, {memory:.0f} GiB"
        )
        return
    found = f"torch {torch.__version__}, no GPU, {os.cpu_count()} CPU cores"
    if cfg.student.needs_gpu:
        fix = "use a machine with a CUDA GPU, or student=smollm2"
        yield Check("accelerator", Verdict.FAIL, found, fix)
    else:
        yield Check("accelerator", Verdict.OK, found)


def _bitsandbytes(cfg: Config) -> Iterator[Check]:
    if cfg.student.quantization is Quantization.none:
        yield Check("bitsandbytes", Verdict.OK, f"{version('bitsandbytes')}, not needed here")
        return
    import bitsandbytes
    import torch

    layer = bitsandbytes.nn.Linear4bit(64, 64, compute_dtype=torch.float32, quant_type="nf4")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    out = layer.to(device)(torch.ones(1, 64, device=device))
    ok = bool(torch.isfinite(out).all())
    fix = "" if ok else "pip install --upgrade bitsandbytes"
    found = f"{version('bitsandbytes')}, NF4 product on {device}"
    yield Check("bitsandbytes", Verdict.OK if ok else Verdict.FAIL, found, fix)


def _student(cfg: Config) -> Iterator[Check]:
    from deepcoder.students import preflight

    preflight(cfg.student)
    yield Check("student", Verdict.OK, f"{cfg.student.model} can be loaded")


def _memory(cfg: Config) -> Iterator[Check]:
    import psutil
    import torch

    from deepcoder.students.size import model_size

    size = model_size(cfg.student, cfg.paths.cache)
    if torch.cuda.is_available():
        free, where = torch.cuda.mem_get_info()[0], "GPU memory"
    else:
        free, where = psutil.virtual_memory().available, "main memory"
    if size is None:
        found = f"{free / GIB:.1f} GiB of {where} free; the student's size is not known here"
        yield Check("memory", Verdict.WARN, found, f"hf download {cfg.student.model}")
        return
    need = size.training_bytes(
        rank=cfg.student.lora.r,
        tokens=cfg.data.batch_tokens or cfg.student.max_tokens,
        width=torch.finfo(getattr(torch, cfg.student.dtype)).bits / 8,
        nf4=cfg.student.quantization is Quantization.nf4,
        checkpointing=bool(cfg.student.gradient_checkpointing),
    )
    found = f"{free / GIB:.1f} GiB of {where} free, about {need / GIB:.1f} GiB needed (estimate)"
    if free >= need:
        yield Check("memory", Verdict.OK, found)
    else:
        fix = "lower data.batch_tokens and student.max_tokens, or gradient_checkpointing=true"
        yield Check("memory", Verdict.FAIL, found, fix)


def _disk(cfg: Config) -> Iterator[Check]:
    places = {"runs": cfg.paths.runs, "cache": cfg.paths.cache}
    for name, text in places.items():
        path = Path(text).expanduser().absolute()
        while not path.exists():
            path = path.parent
        free = shutil.disk_usage(path).free
        found = f"{free / GIB:.1f} GiB free for paths.{name}, {RUN_FOLDER_BYTES / GIB:.1f} needed"
        if free < RUN_FOLDER_BYTES:
            yield Check("disk", Verdict.FAIL, found, f"free some space or set paths.{name}")
        elif not os.access(path, os.W_OK):
            yield Check("disk", Verdict.FAIL, f"{path} is not writable", f"set paths.{name}")
        else:
            yield Check("disk", Verdict.OK, found)


def _sandbox(cfg: Config) -> Iterator[Check]:
    from deepcoder.sandbox import probe_tiers

    usable = False
    for probe in probe_tiers(cfg.sandbox):
        weak = probe.tier == "rlimits" and not cfg.sandbox.allow_weak
        wanted = cfg.sandbox.tier in ("auto", probe.tier)
        usable = usable or (probe.available and wanted and not weak)
        verdict = Verdict.OK if probe.available else Verdict.WARN
        yield Check(f"sandbox {probe.tier}", verdict, probe.detail)
    if not usable:
        yield Check(
            "sandbox",
            Verdict.FAIL,
            f"sandbox.tier={cfg.sandbox.tier} cannot be used on this machine",
            "enable unprivileged user namespaces or Landlock (Linux 5.13+), or accept limits "
            "without containment with sandbox.allow_weak=true",
        )


def _corpus(cfg: Config) -> Iterator[Check]:
    if "retrieve" not in cfg.agent.tools:
        return
    from deepcoder.agent.corpus import open_configured

    corpus, report = open_configured(cfg)
    skipped = sum(map(len, corpus.skipped.values()))
    found = f"{len(corpus)} passages of {corpus.name}"
    if report["removed"]:
        found += f", {len(report['removed'])} hidden (they hold evaluation problems)"
    if skipped:
        yield Check("corpus", Verdict.WARN, f"{found}; {skipped} files cannot be read")
    else:
        yield Check("corpus", Verdict.OK, found)


def _teacher(cfg: Config) -> Iterator[Check]:
    if cfg.teacher.kind is TeacherKind.oracle:
        yield Check("teacher", Verdict.OK, "oracle: scripted, free, needs no key")
        return
    if cfg.teacher.kind is TeacherKind.replay:
        from deepcoder.chat_models import build_teacher

        model = build_teacher(cfg.teacher, ()).fingerprint.model
        yield Check("teacher", Verdict.OK, f"recorded responses of {model}, free")
        return
    if cfg.teacher.kind.remote:
        yield from _api_teacher(cfg)
        return
    from deepcoder.students.checks import require_model

    assert cfg.teacher.model is not None  # validate() saw to it
    require_model(cfg.teacher.model, cfg.teacher.revision, "teacher")
    yield Check("teacher", Verdict.OK, f"{cfg.teacher.model} can be loaded")


def _api_teacher(cfg: Config) -> Iterator[Check]:
    """Whether the key is set and taken, the model alive, and its price known. Costs nothing."""
    from deepcoder.chat_models.connecting import list_models, provider_of

    teacher, provider = cfg.teacher, provider_of(cfg.teacher)
    names = asyncio.run(list_models(teacher))
    if names is None:
        found = f"{provider.label} took the key and has no list of models"
        fix = "try one episode: generation.dry_run=true generation.pilot=1"
        yield Check("teacher", Verdict.WARN, found, fix)
    elif teacher.model in names:
        yield Check("teacher", Verdict.OK, f"{provider.label} serves {teacher.model}")
    else:
        served = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        yield Check(
            "teacher",
            Verdict.FAIL,
            f"{provider.label} does not serve {teacher.model}",
            f"set teacher.model to one of: {served}",
        )
    price = teacher.prices.get(str(teacher.model))
    if price is not None:
        found = f"${price.input:g} in, ${price.output:g} out per million tokens ({price.date})"
        yield Check("price", Verdict.OK, found)
    elif not provider.self_hosted:
        fix = "add it to teacher.prices, or limit the run with generation.max_tokens"
        yield Check("price", Verdict.WARN, f"{teacher.model} has none in teacher.prices", fix)


def _keys(cfg: Config) -> Iterator[Check]:
    names = ["GROQ_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "WANDB_API_KEY"]
    if cfg.teacher.api_key_env and cfg.teacher.api_key_env not in names:
        names.insert(0, cfg.teacher.api_key_env)
    found = ", ".join(f"{name} {'set' if os.environ.get(name) else 'not set'}" for name in names)
    yield Check("keys", Verdict.OK, found)


@stage("doctor", files={"doctor.json": "every check with its verdict"})
def main(cfg: Config, run: RunFolder) -> None:
    """Run every check, print the table or JSON, fail when the configuration cannot run."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from deepcoder.runs import atomic_write

    found = list(checks(cfg))
    text = json.dumps({"checks": [asdict(check) for check in found]}, indent=2)
    atomic_write(run.path / "doctor.json", text + "\n")
    if cfg.json:
        print(text)
    else:
        table = Table(title=f"deepcoder doctor: student={cfg.student.model}", title_justify="left")
        for column in ("check", "", "found", "what to do"):
            table.add_column(column, overflow="fold")
        colours = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}
        for c in found:
            table.add_row(c.name, Text(c.verdict, colours[c.verdict]), Text(c.found), Text(c.fix))
        Console(width=None if sys.stdout.isatty() else 110).print(table)
    failed = [check for check in found if check.verdict is Verdict.FAIL]
    if failed:
        raise DeepcoderError(
            f"This configuration cannot run here: {failed[0].name}: {failed[0].found}.",
            fix=failed[0].fix or "see the table above",
        )


if __name__ == "__main__":
    main()
