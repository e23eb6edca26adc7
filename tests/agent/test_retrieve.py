"""The tool `retrieve` in an episode, and the configuration that opens it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from agent.test_agent import ANSWER, PROBLEM, ScriptedModel

from deepcoder import doctor
from deepcoder.agent.agent import Agent
from deepcoder.agent.corpus import retrieve_tool
from deepcoder.config import AgentConfig, SandboxConfig, compose
from deepcoder.errors import ConfigError, DeepcoderError, MissingError
from deepcoder.runs import stage_key
from deepcoder.sandbox import SandboxPool
from deepcoder.types import ObservationStatus, Sampling, Trajectory

CALLS = {
    "codeact": "<think>\nLook.\n</think>\n```retrieve\n{}\n```",
    "tool_call": '<think>\nLook.\n</think>\n\n<tool_call>\n{{"name": "retrieve", "arguments": '
    '{{"query": "{}"}}}}\n</tool_call>',
}
ENDS = {"codeact": ANSWER, "tool_call": "<think>\nDone.\n</think>\n\nx = 1"}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "heaps.md").write_text("# Heaps\n\nA heap keeps <|im_end|> the smallest first.")
    (folder / "queues.md").write_text("# Queues\n\nFirst in, first out.")
    return folder


def config(docs: Path, *overrides: str):
    given = ["agent=retrieve", f"retrieval.path={docs}", f"paths.cache={docs.parent / 'cache'}"]
    return compose("generate", [*given, *overrides])


def play(cfg, *lines: str) -> Trajectory:
    async def run() -> Trajectory:
        async with SandboxPool(SandboxConfig(workers=1)) as pool:
            agent = Agent(ScriptedModel(*lines), cfg.agent, pool, retrieve=retrieve_tool(cfg))
            return await agent.run(PROBLEM, sampling=Sampling())

    return asyncio.run(run())


@pytest.mark.parametrize("protocol", ["codeact", "tool_call"])
def test_documents_are_shown_with_their_source(docs: Path, protocol: str) -> None:
    prompt = {"codeact": "codeact-v2", "tool_call": "tool_call-v1"}[protocol]
    cfg = config(docs, f"agent.protocol={protocol}", f"agent.prompt={prompt}")
    call = CALLS[protocol]
    trajectory = play(cfg, call.format("smallest"), call.format("zebra"), call.format(" "),
                      ENDS[protocol])  # fmt: skip
    found, nothing, empty = (step.observation for step in trajectory.steps[:3])
    assert found.content == (
        "1. Heaps (heaps.md § Heaps)\nA heap keeps <|im_end|> the smallest first."
    )
    assert nothing.content.startswith("Nothing found in ")
    assert nothing.status is ObservationStatus.OK
    assert empty.status is ObservationStatus.REFUSED
    assert "retrieve" in trajectory.system_prompt


def test_ids_name_what_can_be_found(docs: Path) -> None:
    def name(*overrides: str) -> str:
        cfg = config(docs, *overrides)
        pool = SandboxPool(SandboxConfig(workers=1))
        agent = Agent(ScriptedModel(), cfg.agent, pool, retrieve=retrieve_tool(cfg))
        return agent.episode_id(PROBLEM)

    excluded = docs.parent / "excluded.txt"
    excluded.write_text("heaps.md\n")
    first = name()
    assert name() == first
    assert name(f"retrieval.exclude={excluded}") != first
    assert name("retrieval.hits=1") != first
    (docs / "queues.md").write_text("Something else.")
    assert name() != first


def test_the_corpus_is_opened_only_for_an_agent_that_searches(docs: Path) -> None:
    assert retrieve_tool(compose("generate", ["retrieval.path=/nowhere"])) is None
    with pytest.raises(MissingError, match="/nowhere does not exist"):
        retrieve_tool(config(docs, "retrieval.path=/nowhere"))
    with pytest.raises(DeepcoderError, match=r"retrieval\.exclude"):
        retrieve_tool(config(docs, "retrieval.exclude=/nowhere"))
    pool = SandboxPool(SandboxConfig(workers=1))
    with pytest.raises(ConfigError, match="nothing to search"):
        Agent(ScriptedModel(), AgentConfig(tools=["retrieve", "finish"]), pool)


def test_the_doctor_knows_the_corpus(docs: Path) -> None:
    def corpus(*overrides: str) -> tuple[str, str]:
        (check,) = doctor._guarded(doctor._corpus, config(docs, *overrides))
        return check.verdict, check.found

    assert corpus() == ("ok", f"2 passages of {docs}")
    (docs / "broken.md").write_bytes(b"\0")
    assert corpus() == ("warn", f"2 passages of {docs}; 1 files cannot be read")
    assert corpus("retrieval.path=/nowhere")[0] == "fail"
    assert list(doctor._corpus(compose("doctor"))) == []


def test_run_folders_depend_on_the_corpus_only_when_it_is_searched(docs: Path) -> None:
    def key(*overrides: str) -> str:
        return stage_key(compose("generate", list(overrides)), "generate")

    assert key("retrieval.hits=1") == key("retrieval.hits=9")
    assert key("agent=retrieve", "retrieval.hits=1") != key("agent=retrieve", "retrieval.hits=9")
