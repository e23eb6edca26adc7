"""The tool `retrieve` in an episode, and the configuration that opens it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from agent.test_agent import ANSWER, PROBLEM, ScriptedModel

from deepcoder import doctor
from deepcoder.agent.agent import Agent
from deepcoder.agent.corpus import open_configured, retrieve_tool
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


PROMPT = (
    "Return how many of the 24 glass marbles roll further than the widest blue jar, "
    "counting every marble that stops under the northern window twice."
)
SOLUTION = '''def marbles(lengths, jars):
    """Count."""
    widest = max((jar["width"] for jar in jars if jar["colour"] == "blue"), default=0)
    far = [length for length in lengths if length > widest]
    return len(far) + sum(1 for length in far if length % 2)
'''


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    path = tmp_path / "evaluation.jsonl"
    path.write_text(json.dumps({"id": "eval/7", "prompt": PROMPT, "code": SOLUTION}) + "\n")
    return path


def indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())


@pytest.mark.parametrize(
    ("name", "text", "hidden"),
    [
        ("prompt.md", f"# A puzzle\n\nOnce: {PROMPT.upper()}", 1),
        ("heading.md", f"# {PROMPT}\n\nNobody knows.", 1),
        ("fenced.md", f"# Marbles\n\nSo:\n\n```python\n{SOLUTION}```\nThat is all.", 1),
        ("page.html", f"<h1>Marbles</h1><p>So:</p><pre>{SOLUTION}</pre><p>Fine.</p>", 1),
        ("guide.rst", f"Marbles\n=======\n\nSo::\n\n{indented(SOLUTION)}\n\nThat is all.", 1),
        ("cut.txt", f"{'a ' * 150}{PROMPT} {'b ' * 150}", 2),
        ("other.md", "# Marbles\n\nReturn how many of the glass marbles roll further.", 0),
        ("code.md", f"# Code\n\n```python\n{SOLUTION.replace('length', 'size')[:150]}```", 0),
    ],
)
def test_problems_of_evaluation_sets_are_never_shown(
    docs: Path, evaluation: Path, name: str, text: str, hidden: int
) -> None:
    (docs / name).write_text(text)
    cfg = config(docs, f"retrieval.decontaminate=[{evaluation}]", "retrieval.passage_chars=400")
    tool = retrieve_tool(cfg, docs.parent)
    assert tool is not None
    report = json.loads((docs.parent / "retrieval.json").read_text())
    assert report["never_shown"] == len(report["removed"]) == hidden
    assert report["evaluation_sets"] == {str(evaluation): 1}
    assert report["evaluation_problems_found"] == ({"eval/7": hidden} if hidden else {})
    for one in report["removed"]:
        assert one["id"].startswith(name)
        assert one["source"].startswith(name)
        assert "of eval/7" in one["why"]
    query = {"query": "marbles jars widest window smallest"}
    shown = asyncio.run(tool.trial(query)).observation.content
    assert "Heaps" in shown, "everything else is found"
    assert (name in shown) is (hidden == 0)


LONG = """def marbles(lengths, jars):
    widest = max((jar["width"] for jar in jars if jar["colour"] == "blue"), default=0)
    far, near, twice = [], [], 0
    for number, length in enumerate(lengths):
        if length > widest and number % 3 != 2:
            far.append((length, number))
            twice += length % 2
        elif length == widest or number in (3, 5, 7):
            near.append(length - number)
        else:
            near = [other * 2 for other in near if other > number][:24]
    return len(far) + twice - sum(near) // max(1, len(near))
"""
"""A solution without an empty line, longer than the passages of the tests."""


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("fenced.md", "# Marbles\n\nSo:\n\n```python\n", "```\n"),
        ("bare.md", "# Marbles\n\nSo:\n\n", "\n"),
        ("page.html", "<h1>Marbles</h1><pre>", "</pre>"),
        ("plain.txt", "Marbles.\n\n", "\n"),
    ],
)
@pytest.mark.parametrize("chars", [200, 333])
@pytest.mark.parametrize("padding", [0, 40])
def test_a_solution_that_is_cut_over_passages_is_never_shown(
    tmp_path: Path, name: str, before: str, after: str, chars: int, padding: int
) -> None:
    folder, evaluation = tmp_path / "docs", tmp_path / "evaluation.jsonl"
    folder.mkdir()
    evaluation.write_text(json.dumps({"id": "eval/8", "prompt": PROMPT, "code": LONG}) + "\n")
    other = "Clay is fired twice in a kiln and cools for a day. " * 3
    lines = "".join(f"A line about kilns, number {n}.\n" for n in range(padding))
    text = f"{other}\n\n{lines}{before}{LONG}{after}\n\n{other}\n\n{other}\n"
    (folder / name).write_text(text.replace("<h1>", "</p><h1>", 1) if "html" in name else text)
    given = (f"retrieval.decontaminate=[{evaluation}]", f"retrieval.passage_chars={chars}")
    corpus, report = open_configured(config(folder, *given))
    removed = {one["id"] for one in report["removed"]}
    assert report["evaluation_problems_found"].keys() == {"eval/8"}
    shown = [one.text for one in corpus.documents() if one.id not in removed]
    assert "far.append" not in "\n".join(shown)
    assert "kiln" in "\n".join(shown), "the rest of the document is shown"


def test_what_is_excluded_and_what_is_contaminated_go_together(
    docs: Path, evaluation: Path
) -> None:
    (docs / "marbles.md").write_text(PROMPT)
    excluded = docs.parent / "excluded.txt"
    excluded.write_text("heaps.md\n")
    clean = f"retrieval.decontaminate=[{evaluation}]"
    corpus, report = open_configured(config(docs, clean, f"retrieval.exclude={excluded}"))
    assert report["never_shown"] == 2
    assert [hit.document.id for hit in corpus.search("marbles heap first smallest")] == [
        "queues.md"
    ]
    shown, report = open_configured(config(docs, "retrieval.decontaminate=[]"))
    assert report["evaluation_sets"] == {}
    assert len(shown.search("marbles heap first smallest")) == 3
    with pytest.raises(ConfigError, match=r"retrieval\.decontaminate names 'humanevil'"):
        open_configured(config(docs, "retrieval.decontaminate=[humanevil]"))
