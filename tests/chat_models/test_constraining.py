"""Grammars against the protocols' own writers and readers, and decoding that cannot leave them."""

from __future__ import annotations

import asyncio

import pytest
import torch

from deepcoder.config import compose
from deepcoder.errors import ConfigError, DeepcoderError
from deepcoder.rendering import ChatRenderer, get_protocol
from deepcoder.rendering.grammars import grammar
from deepcoder.students import load_base, load_tokenizer
from deepcoder.types import Action, Completion, Fingerprint, Message, Role, Sampling, Step

pytest.importorskip("llguidance")
from deepcoder.chat_models.constraining import ActionGrammar
from deepcoder.chat_models.decoding import Request, pick
from deepcoder.chat_models.local import LocalChatModel

TOOLS = ["python", "retrieve", "finish"]
PROTOCOLS = ["codeact", "react", "tool_call"]


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    cfg = compose("evaluate", ["student=tiny"])
    cache = tmp_path_factory.mktemp("cache")
    return load_base(cfg.student, cache), load_tokenizer(cfg.student, cache)


def compiled(student, protocol, tools=TOOLS) -> ActionGrammar:
    model, tokenizer = student
    stop = ChatRenderer.from_tokenizer(tokenizer).stop_ids(tokenizer)
    width = model.config.vocab_size
    return ActionGrammar(grammar(protocol, tools), tokenizer, width=width, stop_ids=stop)


def accepts(student, rules: ActionGrammar, text: str) -> bool:
    """Whether the text is a whole answer: every token allowed, and then the end of the turn."""
    constraint = rules.start()
    for token in student[1](text, add_special_tokens=False)["input_ids"]:
        if not constraint.allowed()[token]:
            return False
        constraint.advance(token)
    stop = ChatRenderer.from_tokenizer(student[1]).stop_ids(student[1])
    return bool(constraint.allowed()[sorted(stop)[0]])


def text_of(protocol: str, tool: str, text: str, reason: str = "First, think.\nThen act.") -> str:
    argument = {"python": "code", "finish": "answer"}.get(tool, "query")
    step = Step(reason=reason, action=Action(tool=tool, arguments={argument: text}))
    return "".join(piece.text for piece in get_protocol(protocol).write(step))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_protocol_writes_is_allowed_and_read_back(student, protocol, tool) -> None:
    rules = compiled(student, protocol)
    for code in ("print([1, 2][0])", "def f(x):\n    return 'ü ]' + x\n", "a < b\n\nc"):
        text = text_of(protocol, tool, code)
        assert accepts(student, rules, text), text
        assert get_protocol(protocol).parse(Completion(text=text)).salvaged == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_needs_repair_or_calls_another_tool_is_not(student, protocol) -> None:
    rules = compiled(student, protocol, ["python", "finish"])
    assert not accepts(student, rules, text_of(protocol, "shell", "ls"))
    assert not accepts(student, rules, "Sure! Here is the code:\nprint(1)")
    whole = text_of(protocol, "python", "x")
    assert not accepts(student, rules, whole[:-1])
    assert not accepts(student, rules, "")


def test_a_token_that_is_not_allowed_is_an_error(student) -> None:
    constraint = compiled(student, "codeact").start()
    with pytest.raises(DeepcoderError, match="does not allow"):
        constraint.advance(student[1]("Sure", add_special_tokens=False)["input_ids"][0])


def test_the_logprob_is_the_models_own(student) -> None:
    constraint = compiled(student, "codeact").start()
    logits = torch.randn(
        1, student[0].config.vocab_size, generator=torch.Generator().manual_seed(0)
    )
    request = Request(ids=[1], max_new=1, constraint=constraint)
    (token,), (logprob,) = pick(logits, [request], [None])
    assert constraint.allowed()[token]
    assert logprob == pytest.approx(float(logits.log_softmax(-1)[0, token]), abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_random_model_cannot_leave_the_grammar(student, temperature) -> None:
    """Rows with and without constraints are decoded together and do not disturb each other."""
    model, tokenizer = student

    async def answers(rules):
        chat = LocalChatModel(
            model,
            tokenizer,
            batch_size=3,
            fingerprint=Fingerprint(kind="s", model="m"),
            grammar=rules,
        )
        asked = [[Message(role=Role.USER, content=f"{i}?")] for i in range(3)]
        sampling = Sampling(max_tokens=24, temperature=temperature, seed=1)
        found = await asyncio.gather(*(chat.complete(m, sampling) for m in asked))
        await chat.aclose()
        return [completion.text for completion in found]

    constrained = asyncio.run(answers(compiled(student, "codeact")))
    assert all(text.startswith("<think>\n") for text in constrained)
    free = asyncio.run(answers(None))
    assert not any(text.startswith("<think>") for text in free)


def test_a_protocol_without_a_grammar_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no grammar"):
        grammar("morse", TOOLS)
