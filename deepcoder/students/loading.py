"""Tokenizers and frozen bases, from wherever `student.source` says. See the package docstring.

Adapters are `deepcoder.students.adapters`; whether a student can run here at all is
`deepcoder.students.checks`.

    model = load_base(cfg.student, Path("~/.cache/deepcoder").expanduser())
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.errors import ConfigError, MissingError
from deepcoder.students.packaged import packaged_folder, quiet_bars

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

__all__ = ["load_base", "load_pretrained", "load_tokenizer", "read_tokenizer", "resolve_dtype"]

RANDOM_STUDENTS = ("tiny-qwen2",)
RANDOM_TOKENIZER = "smollm2-135m-instruct"
"""A random student has no words of its own: it borrows this packaged tokenizer."""


def load_tokenizer(student: Any, cache: Path) -> PreTrainedTokenizerFast:
    """See `deepcoder.students.load_tokenizer`."""
    if student.source == "hub":
        return read_tokenizer(student.model, student.revision)
    name = student.model if student.source == "package" else RANDOM_TOKENIZER
    return read_tokenizer(packaged_folder(name, cache, "tokenizer"))


def read_tokenizer(place: Path | str, revision: str | None = None) -> PreTrainedTokenizerFast:
    """The tokenizer.json of a folder or hub id, exactly as it is.

    Not `AutoTokenizer`: it picks a class by the model's architecture, and that class replaces the
    pre-tokenizer of the file, so that a Qwen2 model with another tokenizer is cut differently.
    Raises MissingError when it is neither here nor reachable or has no tokenizer.json.
    """
    from transformers import PreTrainedTokenizerFast

    try:
        with _readable_errors(place):
            return PreTrainedTokenizerFast.from_pretrained(place, revision=revision or "main")
    except ValueError as error:
        raise MissingError(
            f"{place} has no tokenizer.json, and spans need its character offsets.",
            fix="choose a model with a fast tokenizer, or convert its tokenizer first",
        ) from error


def load_base(
    student: Any, cache: Path, *, device: torch.device | str | None = None
) -> PreTrainedModel:
    """See `deepcoder.students.load_base`."""
    dtype = resolve_dtype(student.dtype)
    if student.source == "random":
        if str(student.quantization) != "none":
            raise ConfigError(
                "A random student has nothing worth quantising.",
                fix="leave student.quantization=none, or save the model and give its folder",
            )
        model = _random_model(student, cache, dtype)
        return model.to(device) if device is not None else model
    device_map = {"": str(device)} if device is not None else None
    quantization = str(student.quantization)
    if student.source == "package":
        folder = packaged_folder(student.model, cache, "weights")
        with quiet_bars():
            model = load_pretrained(
                folder, dtype=dtype, quantization=quantization, device_map=device_map
            )
        model.config._name_or_path = student.model  # not a path of this machine's cache
        return model
    return load_pretrained(
        student.model,
        revision=student.revision,
        dtype=dtype,
        quantization=quantization,
        device_map=device_map,
    )


def load_pretrained(
    place: Path | str,
    *,
    revision: str | None = None,
    dtype: torch.dtype,
    quantization: str = "none",
    device_map: Any = None,
) -> PreTrainedModel:
    """A causal language model from a folder or the hub: safetensors only, no remote code.

    Raises MissingError when it is neither here nor reachable.
    """
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    if revision is not None:
        options["revision"] = revision
    if quantization == "nf4":
        options["quantization_config"] = _nf4(dtype)
    if device_map is not None:
        options["device_map"] = device_map
    with _readable_errors(place):
        return AutoModelForCausalLM.from_pretrained(place, **options)


def resolve_dtype(name: str) -> torch.dtype:
    """`float32`, `bfloat16` or `float16` as torch knows it. Raises ConfigError for another name."""
    import torch

    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in dtypes:
        raise ConfigError(f"dtype={name!r} is unknown.", fix=f"use one of {', '.join(dtypes)}")
    return dtypes[name]


def _nf4(dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _random_model(student: Any, cache: Path, dtype: torch.dtype) -> PreTrainedModel:
    """A two-layer Qwen2 with grouped heads and a tied embedding, the same on every machine."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    if student.model not in RANDOM_STUDENTS:
        raise ConfigError(
            f"student.model={student.model!r} is not a random architecture.",
            fix=f"use one of {', '.join(RANDOM_STUDENTS)}",
        )
    tokenizer = load_tokenizer(student, cache)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen2ForCausalLM(config)
    model.config._name_or_path = student.model
    return model.to(dtype).eval()


class _readable_errors:
    """Turns what the hub client raises for an absent model into one line."""

    def __init__(self, place: Path | str) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and not isinstance(error, PermissionError):
            if getattr(error, "errno", None) is not None:
                return  # a real disk error, e.g. a full disk, says it better itself
            first = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
            raise MissingError(
                f"{self.place} could not be loaded: {first}",
                fix="check the name, download it first with `hf download`, or give a local folder "
                "with config.json, tokenizer.json and *.safetensors; "
                "`student=smollm2` needs no download",
            ) from error
