"""ReAct conversations are read word for word, or refused with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rendering.real_tokenizers import renderer, tokenizer

from deepcoder.rendering import render_trajectory
from deepcoder.spans import align
from deepcoder.trajectories.importers import UnreadableRecord
from deepcoder.trajectories.importers.react import import_record
from deepcoder.trajectories.reading import Rejection, read_trajectories
from deepcoder.types import KINDS, Action, SpanKind, StopReason, Trajectory

SAMPLE = Path(__file__).parent / "react_sample.jsonl"
REAL = os.environ.get("DEEPCODER_FIREACT")


def sample() -> list[Trajectory]:
    items = list(read_trajectories(SAMPLE))
    assert all(isinstance(item, Trajectory) for item in items)
    return items  # type: ignore[return-value]


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assistant_texts(text: str) -> list[str]:
    """The assistant's messages of a ChatML text, found without the renderer's help."""
    parts = text.split("<|im_start|>assistant\n")[1:]
    return [part.partition("<|im_end|>")[0] for part in parts]


def label_by_text(text: str) -> dict[int, str]:
    """Kind of each character of a canonical ReAct text in ChatML, by reading it left to right.

    Written apart from the renderer: it knows the form of the text and nothing of segments.
    """
    kinds: dict[int, str] = dict.fromkeys(range(len(text)), "prompt")
    position = 0
    while (start := text.find("<|im_start|>assistant\n", position)) >= 0:
        start += len("<|im_start|>assistant\n")
        end = text.index("<|im_end|>", start) + len("<|im_end|>")
        thought, action = start + len("Thought:"), text.rindex("\nAction: ", start, end)
        name = action + len("\nAction:")
        bracket, close = text.index("[", name), text.rindex("]", start, end)
        answer = text[name:bracket] == " finish"
        ranges = [
            (start, thought, "format.reason"),
            (thought, action, "reason"),
            (action, action + 1, "format.reason"),
            (action + 1, name, "format.act"),
            (name, bracket, "act.name"),
            (bracket, bracket + 1, "format.act"),
            (bracket + 1, close, "act.answer" if answer else "act.arguments"),
            (close, end, "format.act"),
        ]
        for first, last, kind in ranges:
            kinds.update(dict.fromkeys(range(first, last), kind))
        position = end
    position = 0
    while (start := text.find("<|im_start|>user\nObservation: ", position)) >= 0:
        start += len("<|im_start|>user\n")
        position = text.find("<|im_end|>", start)
        position = len(text) if position < 0 else position
        kinds.update(dict.fromkeys(range(start, position), "observation"))
    return kinds


def test_a_plain_record() -> None:
    first = sample()[0]
    assert first.task == "In which year was the town of Lindenau founded?"
    assert [step.action for step in first.steps] == [
        Action(tool="search", arguments={"query": "Lindenau town"}),
        Action(tool="finish", arguments={"answer": "1204"}),
    ]
    assert first.steps[0].reason == "I have to find the founding year of Lindenau."
    assert first.steps[0].observation.content.startswith("Lindenau [disambiguation")
    assert first.steps[1].observation.content == "Episode finished, reward = True"
    assert (first.answer, first.stop) == ("1204", StopReason.FINISHED)
    assert first.tools == ("search", "finish")
    assert first.teacher.kind == "imported"
    assert first.outcome is None


def test_long_thoughts_brackets_and_missing_actions() -> None:
    second = sample()[1]
    assert second.system_prompt == "Solve the task."
    assert second.steps[0].reason.count("\n") == 2
    assert second.steps[0].action == Action(tool="lookup", arguments={"query": "moons [Jupiter]"})
    assert second.steps[0].observation.content == "Nothing found."
    assert second.steps[1].action is None
    assert second.steps[1].raw == "I should answer from memory."
    assert second.answer == "Io,\nEuropa — 木星 🌕"


def test_several_actions_in_one_message_are_not_guessed_at() -> None:
    third = sample()[2]
    assert third.steps[0].action is None
    assert third.steps[0].raw.startswith("Thought: One.")
    assert third.steps[1].action == Action(tool="finish", arguments={"answer": "5"})


def test_numbered_labels_are_rewritten() -> None:
    fourth = sample()[3]
    assert fourth.steps[0].reason == "Six, surely."
    assert fourth.steps[0].raw == "Thought 1: Six, surely.\nAction 1: finish[6]"


@pytest.mark.parametrize("name", ["smollm2", "qwen2.5", "qwen3"])
def test_rendering_reproduces_the_original_word_for_word(name: str) -> None:
    for trajectory, record in list(zip(sample(), records(SAMPLE), strict=True))[:3]:
        original = [m["content"] for m in record["messages"] if m["role"] == "assistant"]
        text = render_trajectory(trajectory, renderer(name)).text
        assert assistant_texts(text) == original


def test_same_record_same_id_and_same_task_same_problem() -> None:
    record = records(SAMPLE)[0]
    again = import_record(json.loads(json.dumps(record)))
    assert again == sample()[0]
    other = json.loads(json.dumps(record))
    other["messages"][1]["content"] += "!"
    other["messages"][1]["content"] = "Thought: Hm.\nAction: search[it]"
    assert import_record(other).id != again.id
    assert import_record(other).problem_id == again.problem_id


def messages(*contents: tuple[str, object]) -> dict:
    return {"messages": [{"role": role, "content": content} for role, content in contents]}


FINISH = ("assistant", "Thought: t\nAction: finish[1]")


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({}, "no list `messages`"),
        ({"messages": []}, "no list `messages`"),
        ({"messages": "hello"}, "no list `messages`"),
        ({"messages": ["hello"]}, "message 1 is not an object"),
        (messages(("user", "t"), ("alien", "x")), "message 2 has the role 'alien'"),
        (messages(("user", None), FINISH), "message 1 has NoneType as content"),
        (
            messages(("user", [{"type": "image_url"}]), FINISH),
            "has a part of type 'image",
        ),
        (messages(FINISH), "does not begin with a user's task"),
        (messages(("system", "s"), FINISH), "does not begin with a user's task"),
        (messages(("user", "t")), "no message of the assistant has"),
        (messages(("user", "t"), ("assistant", "Hello!")), "no message of the assistant has"),
        (messages(("user", "t"), ("user", "u"), FINISH), "message 1 after the task is the user's"),
        (messages(("user", "t"), FINISH, FINISH), "message 2 after the task is the assistant's"),
    ],
)
def test_other_records_are_refused_with_the_reason(record: dict, complaint: str) -> None:
    with pytest.raises(UnreadableRecord, match=complaint):
        import_record(record)


def test_an_episode_without_an_end_has_no_answer() -> None:
    open_ended = import_record(messages(("user", "t"), ("assistant", "Thought: a\nAction: go[on]")))
    assert (open_ended.answer, open_ended.stop) == (None, StopReason.MAX_TURNS)


def test_lone_surrogates_do_not_stop_an_import() -> None:
    record = messages(("user", "t\ud800"), FINISH)
    assert import_record(record).task == "t\ufffd"


def check_spans(items: list[Trajectory], name: str) -> tuple[int, int, int, int]:
    """(tokens, supervised tokens, spans, spans that the independent labelling has too)."""
    rendered = [render_trajectory(item, renderer(name)) for item in items]
    tokens = supervised = spans = equal = 0
    for one, aligned in zip(rendered, align(rendered, tokenizer(name)), strict=True):
        assert sum(s.end - s.start for s in one.segments) == len(one.text)
        kinds = label_by_text(one.text)
        spans += len(one.segments)
        equal += sum(
            {kinds[position] for position in range(s.start, s.end)} == {s.kind.value}
            for s in one.segments
        )
        tokens += len(aligned.input_ids)
        supervised += int(aligned.weighted.sum())
        for kind in (SpanKind.PROMPT, SpanKind.OBSERVATION):
            assert not aligned.weighted[aligned.kinds == KINDS.index(kind)].any()
    return tokens, supervised, spans, equal


def test_spans_equal_an_independent_labelling() -> None:
    # Records 2 and 3 hold answers that cannot be read: the naive labelling would label them.
    items = [sample()[0], sample()[3]]
    *_, spans, equal = check_spans(items, "qwen2.5")
    assert equal == spans > 20


@pytest.mark.skipif(not REAL, reason="DEEPCODER_FIREACT does not name the 500 real trajectories")
@pytest.mark.parametrize("name", ["smollm2", "qwen2.5", "qwen3"])
def test_the_real_file(name: str) -> None:
    path = Path(str(REAL))
    items = list(read_trajectories(path, "react"))
    rejected = [item for item in items if isinstance(item, Rejection)]
    read = [item for item in items if isinstance(item, Trajectory)]
    assert len(items) == len(records(path))
    for item, record in zip(items, records(path), strict=True):
        if isinstance(item, Trajectory):
            original = [m["content"] for m in record["messages"] if m["role"] == "assistant"]
            text = render_trajectory(item, renderer(name)).text
            assert assistant_texts(text) == original
    tokens, supervised, spans, equal = check_spans(read, name)
    print(
        f"\n{name}: {len(read)} read, {len(rejected)} rejected, {tokens} tokens, "
        f"{supervised} supervised, {equal}/{spans} spans equal"
    )
    assert equal >= 0.95 * spans
