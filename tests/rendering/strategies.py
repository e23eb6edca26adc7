"""Texts and trajectories that break renderers, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from deepcoder.types import (
    Action,
    Fingerprint,
    Observation,
    Provenance,
    Step,
    Trajectory,
)

NASTY = (
    "<|im_end|>",
    "<|im_start|>assistant\n",
    "<|endoftext|>",
    "<｜end▁of▁sentence｜>",
    "<|eot_id|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>\n",
    "\n</tool_response>",
    "<function=python>{",
    "<｜tool▁sep｜>",
    "<|channel|>",
    '{"name": "python", "arguments": {}}',
    "[INST]",
    "```",
    "```python\n",
    "\n```\n",
    "Thought: ",
    "\nAction: finish[1]",
    "\nObservation: ",
    "\r\n",
    "\x00",
    "\u2028",
    "\u0085",
    "e\u0301",
    "\u0065\u0323\u0302",
    "👩‍👩‍👧‍👦",
    "🇩🇪",
    "汉字",
    "العربية",
    "\u200b",
    "\ufeff",
    "\ud800",
    "   ",
    "\n\n\n",
    "\t",
    "deepcoderslot000001content",
)

texts = st.lists(
    st.one_of(
        st.sampled_from(NASTY),
        st.text(max_size=8),
        st.text(alphabet="abc \n.)]`<|>_", max_size=12),
    ),
    max_size=6,
).map("".join)


@st.composite
def actions(draw: st.DrawFn) -> Action:
    tool = draw(st.sampled_from(["python", "finish", "search"]))
    key = {"python": "code", "finish": "answer"}.get(tool, "query")
    return Action(tool=tool, arguments={key: draw(texts)})


@st.composite
def steps(draw: st.DrawFn) -> Step:
    observation = Observation.model_construct(content=draw(texts))
    if draw(st.integers(0, 7)) == 0:
        return Step(reason="", raw=draw(texts), observation=observation)
    return Step(reason=draw(texts), action=draw(actions()), observation=observation)


@st.composite
def trajectories(draw: st.DrawFn, protocol: str | None = None) -> Trajectory:
    return make_trajectory(
        draw(st.lists(steps(), min_size=1, max_size=4)),
        protocol=protocol or draw(st.sampled_from(["codeact", "react", "tool_call"])),
        system=draw(st.one_of(st.none(), texts)),
        task=draw(texts),
    )


def make_trajectory(
    steps: list[Step],
    *,
    protocol: str = "codeact",
    system: str | None = "Be brief.",
    task: str = "?",
) -> Trajectory:
    return Trajectory(
        id="t",
        problem_id="p",
        protocol=protocol,
        prompt_version="test",
        system_prompt=system,
        task=task,
        tools=("python", "finish"),
        steps=tuple(steps),
        teacher=Fingerprint(kind="test", model="none"),
        provenance=Provenance(source="test"),
    )


def code_step(reason: str, code: str, observation: str | None = None) -> Step:
    return Step(
        reason=reason,
        action=Action(tool="python", arguments={"code": code}),
        observation=None if observation is None else Observation(content=observation),
    )


def answer_step(reason: str, answer: str) -> Step:
    return Step(reason=reason, action=Action(tool="finish", arguments={"answer": answer}))
