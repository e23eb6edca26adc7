"""Adapters: they start as nothing, train alone, come back whole, and refuse a foreign base."""

from __future__ import annotations

import json

import pytest
import torch
from training_toys import toy_config

from deepcoder.errors import ConfigError, DataError
from deepcoder.students import attach_lora, load_adapter, load_base
from deepcoder.students.low_rank import for_decoding, without_adapter

CFG = toy_config("runs")
IDS = torch.arange(30, 50)[None]


def base():
    return load_base(CFG.student, CFG.paths.cache)


def fresh(**overrides):
    lora = CFG.student.lora.copy()
    lora.update(overrides)
    return attach_lora(base(), lora)


def trained():
    """With a B that is not zero, and without dropout in the way."""
    model = fresh().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.2, generator=generator)
    return model


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


def test_fresh_adapter_changes_nothing_and_trains_alone():
    model = fresh()
    trainable = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trainable
    assert all("lora_" in name for name in trainable)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    assert torch.equal(logits(model.eval()), logits(base()))


def test_dropout_is_on_while_training():
    assert any(isinstance(m, torch.nn.Dropout) and m.training and m.p for m in fresh().modules())


def test_adapters_stay_in_float32_over_a_bfloat16_base():
    cfg = toy_config("runs", "student.dtype=bfloat16").student
    model = attach_lora(load_base(cfg, CFG.paths.cache), cfg.lora)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in model.parameters() if not p.requires_grad} == {torch.bfloat16}


def test_same_seed_same_adapter():
    first, second = fresh(), fresh()
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_adapter_survives_the_disk(tmp_path):
    model = trained()
    model.save_pretrained(tmp_path)
    again = load_adapter(base(), tmp_path)
    assert torch.allclose(logits(again), logits(model), atol=1e-6)
    assert not torch.allclose(logits(again), logits(base()), atol=1e-3)
    assert not again.training


@pytest.mark.parametrize("modules", [["no_such_layer"], ["lm_head"]])
def test_wrong_target_modules_are_refused(modules):
    with pytest.raises(ConfigError, match="target_modules"):
        fresh(target_modules=modules)


def edit_config(folder, **values):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("base", "trained on someone/other-model, not on tiny-qwen2"),
        ("rank", "does not fit the base"),
        ("truncated", "is damaged"),
        ("config", "is not JSON"),
        ("empty", "is not an adapter"),
    ],
)
def test_adapter_that_does_not_fit_is_one_clear_line(tmp_path, damage, words):
    trained().save_pretrained(tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    if damage == "base":
        edit_config(tmp_path, base_model_name_or_path="someone/other-model")
    elif damage == "rank":
        edit_config(tmp_path, r=16)
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "config":
        (tmp_path / "adapter_config.json").write_text("{")
    else:
        weights.unlink()
    with pytest.raises(DataError, match=words) as error:
        load_adapter(base(), tmp_path)
    assert "\n" not in str(error.value)
    assert error.value.fix


def test_adapter_of_another_shape_is_refused(tmp_path):
    trained().save_pretrained(tmp_path)
    other = base()
    config = type(other.config)(**{**other.config.to_dict(), "hidden_size": 32})
    config._name_or_path = "tiny-qwen2"
    with pytest.raises(DataError, match="does not fit the base tiny-qwen2"):
        load_adapter(type(other)(config), tmp_path)


@pytest.fixture
def nf4(tmp_path):
    """The random student as a folder, loaded in 4 bits with a bfloat16 head."""
    base().to(torch.bfloat16).save_pretrained(tmp_path)
    overrides = ("student.source=hub", f"student.model={tmp_path}", "student.dtype=bfloat16")
    return toy_config("runs", *overrides, "student.quantization=nf4").student


@pytest.mark.parametrize("checkpointing", [False, True])
def test_four_bit_base_trains_its_adapter(nf4, checkpointing):
    model = attach_lora(
        load_base(nf4, CFG.paths.cache), nf4.lora, gradient_checkpointing=checkpointing
    )
    layer = model.get_base_model().model.layers[0].mlp.up_proj
    assert layer.base_layer.weight.dtype == torch.uint8
    assert layer.base_layer.weight.quant_state.nested  # double quantisation
    assert model.get_output_embeddings().weight.dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        model(IDS).logits.float().logsumexp(-1).sum().backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert all(g is not None and g.isfinite().all() for g in gradients.values())
    assert any(g.norm() > 0 for g in gradients.values())


def test_a_random_student_is_not_quantised():
    with pytest.raises(ConfigError, match="random student"):
        load_base(toy_config("runs", "student.quantization=nf4").student, CFG.paths.cache)


def test_for_decoding_it_computes_the_same_and_can_be_taken_off(tmp_path):
    trained().save_pretrained(tmp_path)
    alone = base().eval()
    bare = logits(alone)
    model = load_adapter(alone, tmp_path)
    adapted = logits(model)
    assert not torch.allclose(adapted, bare, atol=0.1)
    lean = for_decoding(model)
    assert not any("lora_" in name for name, _ in lean.named_modules())
    torch.testing.assert_close(logits(lean), adapted, atol=1e-5, rtol=1e-5)
    assert torch.equal(logits(without_adapter(lean)), bare)


def test_an_adapter_that_is_more_than_a_product_is_refused():
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(base(), LoraConfig(r=2, target_modules=["q_proj"], use_dora=True))
    with pytest.raises(ValueError, match="more than a low-rank product"):
        for_decoding(model)


def test_four_bit_base_keeps_its_gradients_after_an_evaluation(tmp_path):
    """bitsandbytes repacks weights for evaluation on some CPUs, into a form without gradient."""
    shapes = base().config
    shapes.update({"intermediate_size": 192, "hidden_size": 128})
    folder = tmp_path / "tiny"
    type(base())(shapes).to(torch.bfloat16).save_pretrained(folder)
    quantized = ("student.source=hub", f"student.model={folder}", "student.quantization=nf4")
    cfg = toy_config(tmp_path, *quantized, "student.dtype=bfloat16", "student.lora.dropout=0")

    def gradient(evaluate: bool) -> torch.Tensor:
        model = attach_lora(load_base(cfg.student, cfg.paths.cache), cfg.student.lora, seed=1)
        if evaluate:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                model.eval()(IDS)
            model.train()
        with torch.autocast("cpu", torch.bfloat16):
            model(IDS).logits.float().square().mean().backward()
        found = [p.grad.flatten() for name, p in model.named_parameters() if "lora_B" in name]
        return torch.cat(found)

    wanted = gradient(evaluate=False)
    assert wanted.norm() > 0
    assert torch.equal(gradient(evaluate=True), wanted)
