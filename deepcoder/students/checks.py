"""What a student needs from the machine, asked before anything is loaded.

    preflight(cfg.student)   # returns, or raises one MissingError with everything that is absent

It asks for an accelerator, for packages, and for the model (folder, hub cache, or a hub that
answers within seconds). It does not measure memory: that is `deepcoder.doctor`.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from deepcoder.errors import MissingError
from deepcoder.students.packaged import source_file

__all__ = ["model_problem", "preflight", "require_model"]

HUB_SECONDS = 4.0
"""Seconds to wait for the hub before calling it unreachable."""


def preflight(student: Any) -> None:
    """See `deepcoder.students.preflight`."""
    problems = []
    if student.needs_gpu and not _has_gpu():
        problems.append("no CUDA device")
    if str(student.quantization) == "nf4" and not importlib.util.find_spec("bitsandbytes"):
        problems.append("the package `bitsandbytes` is not installed")
    if student.source == "package":
        source_file(student.model)
    elif student.source == "hub":
        problem = model_problem(student.model, student.revision)
        if problem:
            problems.append(problem)
    if problems:
        raise MissingError(
            f"The student {student.model} cannot run here: {'; '.join(problems)}.",
            fix="supply what is missing, or train the student that needs neither GPU nor download "
            "with `student=smollm2` (student.needs_gpu=false lifts the GPU rule, at a crawl)",
        )


def require_model(model: str, revision: str | None, what: str) -> None:
    """Raise MissingError when the model of `what` ('teacher') is neither here nor reachable."""
    problem = model_problem(model, revision)
    if problem:
        raise MissingError(
            f"The {what}'s model cannot be loaded: {problem}.",
            fix=f"download it first with `hf download {model}`, or give a local folder",
        )


def model_problem(model: str, revision: str | None = None) -> str | None:
    """Why a hub id or folder cannot be loaded, or None. Takes at most a few seconds."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").exists():
            return f"the folder {model} has no config.json"
        if not any(folder.glob("*.safetensors")):
            return f"the folder {model} has no *.safetensors"
        return None
    if model.startswith(("/", ".", "~")):
        return f"the folder {model} does not exist"
    from huggingface_hub import try_to_load_from_cache

    if isinstance(try_to_load_from_cache(model, "config.json", revision=revision), str):
        return None
    return _ask_hub(model, revision)


def _ask_hub(model: str, revision: str | None) -> str | None:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    absent = f"{model} is not in the model cache"
    if constants.HF_HUB_OFFLINE:
        return f"{absent}, and HF_HUB_OFFLINE forbids asking the hub"
    try:
        HfApi().model_info(model, revision=revision, timeout=HUB_SECONDS)
    except GatedRepoError:
        return f"{absent}, and the hub wants you to accept its licence and set HF_TOKEN"
    except RepositoryNotFoundError:
        return f"{absent}, and {constants.ENDPOINT} knows no such model"
    except HfHubHTTPError as error:
        return f"{absent}, and {constants.ENDPOINT} answers {error.response.status_code}"
    except Exception as error:  # the client lets errors of several HTTP libraries through
        return f"{absent}, and {constants.ENDPOINT} cannot be reached ({type(error).__name__})"
    return None


def _has_gpu() -> bool:
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return False
    import torch

    return torch.cuda.is_available()
