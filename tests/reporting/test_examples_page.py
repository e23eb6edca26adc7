"""The page of examples: what it holds, that it can only show it, and that a browser agrees."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest
from rendering.real_tokenizers import renderer, tokenizer
from rendering.strategies import answer_step, code_step, make_trajectory

from deepcoder.config import compose
from deepcoder.reporting.examples_page import is_current, units, write_examples_page
from deepcoder.spans.example_file import ExampleWriter
from deepcoder.spans.selection import Policy, Selection
from deepcoder.types import KINDS, SpanKind

HOSTILE = (
    "</script><script>document.title='owned'</script><!--\x00\u2028<b onclick=x>&amp; 🌕 e\u0301"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def config(*overrides: str):
    return compose("prepare", ["student=smollm2", *overrides])


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """Seven examples; the third is hostile in every text it has."""
    trajectories = []
    for number in range(7):
        said = HOSTILE if number == 2 else f"Number {number} it is"
        steps = [code_step(said, f"print({said!r})", said), answer_step(said, f"answer {number}")]
        made = make_trajectory(steps, task=said)
        name = f"t{number}{HOSTILE if number == 2 else ''}"
        trajectories.append(made.model_copy(update={"id": name, "problem_id": name}))
    policy = Policy(max_tokens=4096, validation_fraction=0)
    selection = Selection(renderer("smollm2"), tokenizer("smollm2"), policy)
    path = tmp_path / "examples.parquet"
    with ExampleWriter(path) as writer:
        for result in selection.examples(trajectories):
            writer.write(result.examples)
        writer.commit({})
    return path


class Page(HTMLParser):
    """Every tag with its attributes, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)

    def handle_endtag(self, tag):
        self.inside = ""


def written(examples: Path, *overrides: str) -> str:
    path = write_examples_page(examples, tokenizer("smollm2"), config(*overrides))
    return path.read_text(encoding="utf-8")


def data(text: str) -> dict:
    return json.loads(Page(text).scripts[0])


def test_the_page_holds_the_tokens_that_are_trained_on(examples: Path) -> None:
    found = data(written(examples))["examples"]
    rows = pq.read_table(examples).to_pylist()
    assert [one["id"] for one in found] == [row["id"] for row in rows]
    for one, row in zip(found, rows, strict=True):
        flat = [i for ids in one["ids"] for i in (ids if isinstance(ids, list) else [ids])]
        assert flat == row["input_ids"]
        kinds = []
        for ids, code in zip(one["ids"], one["codes"], strict=True):
            kinds += [code] * (len(ids) if isinstance(ids, list) else 1)
        assert kinds == row["kinds"]
        whole = tokenizer("smollm2").decode(row["input_ids"])
        assert "".join(one["texts"]) == whole
        assert one["counts"] == [row["kinds"].count(kind.code) for kind in KINDS]
        assert (one["tokens"], one["more"]) == (row["tokens"], 0)


@pytest.mark.parametrize("name", ["smollm2", "qwen2.5", "r1-distill-llama"])
def test_tokens_that_share_a_character_stand_together(name: str) -> None:
    text = " a 👩‍👩‍👧 汉字ŝ b\n\n  c " + "\ufffd" * 30 + "d"
    ids = tokenizer(name).backend_tokenizer.encode(text, add_special_tokens=False).ids
    found = list(units(ids, tokenizer(name)))
    assert "".join(piece for piece, _ in found) == tokenizer(name).decode(ids)
    assert found[-1][1] == len(ids)
    assert any(piece == " b" for piece, _ in found)
    girl = [piece for piece, _ in found if "👧" in piece]
    assert len(girl) == 1
    assert "\ufffd" not in girl[0]


def test_weights_are_those_of_the_loss(examples: Path) -> None:
    text = written(
        examples, "loss.reason_weight=0.5", "loss.act_weight=2", "+loss.kind_weights={act.name: 3}"
    )
    weights = {kind["kind"]: kind["weight"] for kind in data(text)["kinds"]}
    assert weights == {
        "prompt": 0,
        "observation": 0,
        "reason": 0.5,
        "format.reason": 0.5,
        "act.name": 6,
        "act.arguments": 2,
        "act.answer": 2,
        "format.act": 2,
    }


def test_the_examples_shown_are_few_and_spread_over_the_file(examples: Path) -> None:
    found = data(written(examples, "data.page_examples=3"))["examples"]
    assert [one["id"][:2] for one in found] == ["t0", "t2", "t4"]


def test_a_long_example_is_shown_in_part(examples: Path, monkeypatch) -> None:
    monkeypatch.setattr("deepcoder.reporting.examples_page.SHOWN_TOKENS", 20)
    one = data(written(examples))["examples"][0]
    assert len(one["codes"]) == 20
    assert one["more"] == one["tokens"] - 20
    assert sum(one["counts"]) == one["tokens"]


def test_a_page_knows_what_it_shows(examples: Path) -> None:
    cfg = config()
    path = write_examples_page(examples, tokenizer("smollm2"), cfg, {"key": "a"})
    assert is_current(path, cfg, {"key": "a"})
    assert not is_current(path, cfg, {"key": "b"})
    assert not is_current(path, config("loss.act_weight=2"), {"key": "a"})
    assert not is_current(path, config("data.page_examples=3"), {"key": "a"})
    assert not is_current(path.parent / "nothing.html", cfg, {"key": "a"})


def test_hostile_texts_stay_texts_and_nothing_is_loaded(examples: Path) -> None:
    text = written(examples)
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "link", "iframe", "object", "base"})
    for tag, attrs in page.tags:
        loading = {"src", "href", "srcset", "action"} & set(attrs)
        assert not loading, f"<{tag}> loads something"
        assert not [name for name in attrs if name.startswith("on")]
    assert not re.search("[\x00\u2028\u2029]", text)
    assert "</script><script>document" not in text
    (policy,) = (a["content"] or "" for t, a in page.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import", style)
    assert not re.search(
        r"innerHTML|insertAdjacent|document\.write|eval\(|fetch\(", page.scripts[1]
    )
    assert data(text)["examples"][2]["id"] == f"t2{HOSTILE}"


# ---------------------------------------------------------------------------------- in a browser

browser = pytest.mark.skipif(CHROMIUM is None, reason="needs the program `chromium`")

PROBE = """
const fire = (node, type) => node.dispatchEvent(new MouseEvent(type, {bubbles: true}));
const key = (name) => document.dispatchEvent(new KeyboardEvent("keydown", {key: name}));
const all = (rule) => [...document.querySelectorAll(rule)];
const place = () => $("place").textContent;
const out = {};
out.start = place();
key("ArrowRight"); out.right = place();
key("ArrowLeft"); $("previous").click(); out.left = place();
all("nav button")[4].click(); out.listed = [place(), $("name").textContent, location.hash];
const token = all("#text span").find((s) => s.textContent === "python");
fire(token, "mouseover"); out.tip = $("tip").innerText; out.tipShown = !$("tip").hidden;
fire($("text"), "mouseleave"); out.tipGone = $("tip").hidden;
const chip = all(".chip").find((c) => c.textContent.startsWith("reason"));
chip.click();
out.off = [...new Set(all("#text span.off").map((s) => s.className))];
fire(chip, "dblclick");
out.only = all("#text span:not(.off)").map((s) => s.textContent.replace("⏎", "")).join("");
$("all").click(); out.allBack = all("#text span.off").length;
$("search").value = "answer 5"; $("search").dispatchEvent(new Event("input"));
out.found = $("found").textContent;
$("hit").click(); out.hit = [place(), all("#text .hit").map((s) => s.textContent).join("")];
key("ArrowLeft"); key("ArrowLeft"); key("ArrowLeft");
out.hostile = [place(), $("name").textContent];
out.hostileText = $("text").textContent.replaceAll("⏎", "");
$("colour").value = "weight"; $("colour").dispatchEvent(new Event("change"));
const colour = (span) => getComputedStyle(span).backgroundColor;
out.colours = [...new Set(all("#text span").map(colour))].length;
out.title = document.title;
const result = document.createElement("pre");
result.id = "result"; result.textContent = JSON.stringify(out); document.body.append(result);
"""


def dom(page: Path, folder: Path, **state: object) -> str:
    """The document as Chromium has it after its scripts ran."""
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"]
    ended = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", f"file://{page}#{urlencode(state)}"],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return ended.stdout.decode("utf-8")


class Shown(HTMLParser):
    """Texts of the tokens and of the elements with an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[tuple[str, dict[str, str | None]]] = []
        self.tokens: list[tuple[str, str]] = []
        self.by_id: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "input"):
            self.stack.append((tag, dict(attrs)))
        if tag == "span" and "data-unit" in dict(attrs):
            self.tokens.append((dict(attrs)["class"] or "", ""))

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = [tag for tag, _ in self.stack]
        if "script" in tags or "s" in tags:
            return
        for tag, attrs in self.stack:
            if attrs.get("id"):
                self.by_id[str(attrs["id"])] = self.by_id.get(str(attrs["id"]), "") + data
            if tag == "span" and "data-unit" in attrs:
                self.tokens[-1] = (self.tokens[-1][0], self.tokens[-1][1] + data)


@browser
def test_a_browser_shows_an_example_as_the_policy_allows(examples: Path, tmp_path: Path) -> None:
    text = written(examples)
    one = data(text)["examples"][4]
    shown = Shown(
        dom(examples.parent / "examples.html", tmp_path, example=5, search="number 4", token=30)
    )
    assert "".join(piece for _, piece in shown.tokens) == "".join(one["texts"])
    for (names, _), code in zip(shown.tokens, one["codes"], strict=True):
        assert f"k-{KINDS[code].value.replace('.', '-')}" in names.split()
        assert ("w0" in names.split()) == (KINDS[code] in (SpanKind.PROMPT, SpanKind.OBSERVATION))
    assert shown.by_id["place"] == "5 / 7"
    assert "in 1 example" in shown.by_id["found"]
    flat = [i for ids in one["ids"] for i in (ids if isinstance(ids, list) else [ids])]
    assert f"id{flat[29]}kind" in shown.by_id["tip"]
    assert f"token30 of {one['tokens']}" in shown.by_id["tip"]


@browser
def test_a_browser_shows_hostile_texts_as_texts(examples: Path, tmp_path: Path) -> None:
    written(examples)
    shown = dom(examples.parent / "examples.html", tmp_path, example=3)
    assert "<title>deepcoder: examples for" in shown
    text = "".join(piece for _, piece in Shown(shown).tokens)
    assert "</script><script>document.title='owned'</script><!--" in text
    assert "\\u2028<b onclick=x>&amp; 🌕" in text


@browser
def test_mouse_and_keys(examples: Path, tmp_path: Path) -> None:
    """Events are sent by a script, which the page's policy forbids: it is taken out here."""
    text = written(examples)
    probed = re.sub(r"<meta http-equiv[^>]*>", "", text)
    probed = probed.replace("</body>", f"<script>{PROBE}</script></body>")
    path = tmp_path / "probed.html"
    path.write_text(probed, encoding="utf-8")
    out = json.loads(Shown(dom(path, tmp_path)).by_id["result"])
    assert (out["start"], out["right"], out["left"]) == ("1 / 7", "2 / 7", "1 / 7")
    assert out["listed"] == ["5 / 7", "t4", "#example=5"]
    for shown in ("python", "act.name (name of the tool)", "1, act loss", "token"):
        assert shown in out["tip"]
    assert out["tipShown"]
    assert out["tipGone"]
    assert out["off"] == ["k-reason off"]
    assert out["only"] == "Number 4 it is" * 2
    assert out["allBack"] == 0
    assert out["found"] == "1 match in 1 example"
    assert out["hit"] == ["6 / 7", "answer 5"]
    assert out["hostile"][0] == "3 / 7"
    assert out["hostile"][1].startswith("t2</script>")
    assert "owned" in out["hostileText"]
    assert out["title"].startswith("deepcoder: examples")
    assert out["colours"] == 2, "weights 0 and 1"
