"""Fused LoRA layers: PEFT's numbers in value and gradient, and PEFT's own forward elsewhere."""

from __future__ import annotations

import pytest
import torch
from peft.tuners.lora import Linear
from training_toys import toy_config

from deepcoder.students import attach_lora, load_base
from deepcoder.students.fused import _LoraProduct, fuse_lora

CFG = toy_config("runs")


def student(dropout: float = 0.0, dtype: str = "float32"):
    cfg = toy_config("runs", f"student.dtype={dtype}", f"student.lora.dropout={dropout}").student
    model = attach_lora(load_base(cfg, CFG.paths.cache), cfg.lora, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=generator)
    return model


def outcome(model, autocast: bool = False):
    ids = torch.arange(40, 72)[None]
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        hidden = model.get_base_model().get_decoder()(input_ids=ids).last_hidden_state
    weight = torch.linspace(-1, 1, hidden.numel()).view_as(hidden)
    (hidden.float() * weight).sum().backward()
    return hidden.detach().float(), {
        n: p.grad for n, p in model.named_parameters() if p.requires_grad
    }


@pytest.mark.parametrize(
    ("dtype", "autocast", "tolerance"), [("float32", False, 1e-5), ("bfloat16", True, 5e-2)]
)
def test_same_numbers_as_peft(dtype, autocast, tolerance):
    plain, fused = student(dtype=dtype), student(dtype=dtype)
    assert fuse_lora(fused) == 14  # 7 projections in each of 2 layers
    (expected, wanted), (output, found) = outcome(plain, autocast), outcome(fused, autocast)
    assert (output - expected).norm() <= tolerance * expected.norm()
    for name, gradient in wanted.items():
        assert found[name].dtype == torch.float32
        assert (found[name] - gradient).norm() <= tolerance * gradient.norm(), name


def test_gradient_of_the_product():
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, 5), (4, 5), (4,), (2, 5), (4, 2))
    x, w, bias, a, b = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    parts = [part.requires_grad_() for part in (x, a, b)]

    def product(x, a, b):
        return _LoraProduct.apply(x, w, bias, a, b, 0.7, torch.float64)

    assert torch.autograd.gradcheck(product, parts)
    assert torch.allclose(product(x, a, b), x @ w.T + bias + 0.7 * (x @ a.T) @ b.T)


def test_dropout_keeps_the_forward_of_peft():
    assert fuse_lora(student(dropout=0.1)) == 0


def test_switched_off_adapter_is_the_base():
    model = student()
    fuse_lora(model)
    ids = torch.arange(40, 60)[None]
    base = load_base(CFG.student, CFG.paths.cache)
    with torch.no_grad(), model.disable_adapter():
        assert torch.equal(model(ids).logits, base(ids).logits)


def test_merged_adapter_is_not_added_twice():
    model = student().eval()
    fuse_lora(model)
    ids = torch.arange(40, 60)[None]
    with torch.no_grad():
        before = model(ids).logits
        for layer in model.modules():
            if isinstance(layer, Linear):
                layer.merge()
        assert torch.allclose(model(ids).logits, before, atol=1e-5)
