"""Whether a text holds a problem of an evaluation set: n-grams find, a closer look confirms.

    guard = Decontaminator([EvaluationText.of(problem) for problem in heldout])
    guard.prompt("Return the sum of …")       # Hit('builtin/sum_even', 'prompt', 1.0), or None
    guard.code("def f(xs): …")
    guard.document(page)                       # a document of a retrieval corpus

A shared n-gram is a hint, not a finding: tasks of one kind share their wording. A prompt is
confirmed as a copy when it holds nearly all of the evaluation prompt's word triples, every triple
with a number in it, and nearly all of its content words. **Problems of a procedural family share a
template by design**, and its parameters make them different tasks; there a copy must hold every
triple, every content word and every quoted text, so that `sum of the even numbers above 5` and
`… above 7` are two tasks. Code is compared as tokens without comments and docstrings; short
solutions, which many tasks share, are not evidence, and code of a family is a copy only when it is
the same code.
"""

from __future__ import annotations

import ast
import io
import keyword
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from deepcoder.types import Problem

__all__ = ["Decontaminator", "EvaluationText", "Hit", "code_tokens", "words"]

_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_GRAM, _CODE_GRAM = 6, 16
"""Words, and tokens of code, of an n-gram that makes a text worth a closer look."""
_DEFINITION = re.compile(r"\s*(async def|def|class)\s+\w")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PARTS = 3
_PROMPT_SHARE, _CODE_SHARE = 0.75, 0.9
_FEWEST_WORDS, _FEWEST_TOKENS = 6, 40
"""Prompts and solutions shorter than this are compared as wholes only."""
_QUOTED = re.compile(r"\"[^\"\n]+\"|(?<!\w)'[^'\n]+'|`[^`\n]+`")
_SMALL_WORDS = (
    "a an the of to in on is are be as at by for from with and or if it its that this these those "
    "which where when write function python program given return returns returning find check "
    "whether get using use you your should must will can each all any not no so than then into "
    "following example"
)
_STOP = frozenset(_SMALL_WORDS.split())


class Hit(NamedTuple):
    """What was found: whose text, `prompt` or `code`, and the share of it that was held."""

    name: str
    part: str
    share: float


@dataclass(frozen=True)
class EvaluationText:
    """What of an evaluation problem must not be trained on. `family`: of a procedural one."""

    name: str
    prompt: str
    code: str | None = None
    family: bool = False
    tokens: tuple[str, ...] | None = None
    """`code_tokens(code)`, where they are known already."""

    @classmethod
    def of(cls, problem: Problem) -> EvaluationText:
        prompt = problem.prompt.removeprefix("Complete this function.\n")
        return cls(problem.id, prompt, problem.reference, problem.family is not None)


class Decontaminator:
    """An index over the texts of evaluation sets. Memory: a few kB per evaluation problem."""

    def __init__(self, texts: Iterable[EvaluationText]) -> None:
        self.texts = list(texts)
        self._prompts = [words(text.prompt) for text in self.texts]
        self._codes = [_tokens_of(text) for text in self.texts]
        self._by_gram: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._by_code: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for index, tokens in enumerate(self._prompts):
            if len(tokens) >= _FEWEST_WORDS:
                for gram in _grams(tokens, min(_GRAM, len(tokens))):
                    self._by_gram[gram].append(index)
        for index, tokens in enumerate(self._codes):
            if len(tokens) >= _FEWEST_TOKENS:
                for gram in _grams(tokens, _CODE_GRAM):
                    self._by_code[gram].append(index)
        self._needed = _by_rarest(
            {_needed(code) for code in self._codes if len(code) >= _FEWEST_TOKENS}
        )
        self._lengths = sorted({len(gram) for gram in self._by_gram})
        self._whole = {tokens: i for i, tokens in enumerate(self._prompts) if tokens}

    def prompt(self, text: str) -> Hit | None:
        """The evaluation problem whose prompt stands in `text`, if one does."""
        return self._text(text, "prompt")

    def document(self, text: str) -> Hit | None:
        """The evaluation problem whose prompt or solution stands in a document."""
        hit = self._text(text, "document")
        if hit is not None:
            return hit
        fenced = re.findall(r"```\w*\n(.*?)```", text, re.S)
        defined = list(_definitions(text))
        for block in dict.fromkeys([*(fenced or [text]), *defined, "\n".join(defined)]):
            found = self.code(block)
            if found is not None:
                return found._replace(part="document")
        return None

    def code(self, text: str) -> Hit | None:
        """The evaluation problem whose reference solution stands in `text`, if one does."""
        if not self._may_hold_code(text):
            return None
        tokens = code_tokens(text)
        found = _candidates(tokens, (_CODE_GRAM,), self._by_code)
        if not found:
            return None
        mine = set(_grams(tokens, 5))
        for index in found:
            own = self._codes[index]
            share = _share(set(_grams(own, 5)), mine)
            same = not self.texts[index].family or _contains(tokens, own)
            if share >= _CODE_SHARE and same:
                return Hit(self.texts[index].name, "code", share)
        return None

    def _may_hold_code(self, text: str) -> bool:
        """False where a text lacks names that each of the solutions needs: it need not be parsed.

        Python keeps names as they are written, but for letters outside of ASCII.
        """
        if not text.isascii():
            return True
        if "" in self._needed:  # a solution that can do without any of its names
            return True
        names = set(_NAME.findall(text))
        return any(
            needed <= names for name in self._needed.keys() & names for needed in self._needed[name]
        )

    def _text(self, text: str, part: str) -> Hit | None:
        tokens = words(text)
        whole = self._whole.get(tokens)
        if whole is not None:
            return Hit(self.texts[whole].name, part, 1.0)
        found = _candidates(tokens, self._lengths, self._by_gram)
        if not found:
            return None
        mine, vocabulary = set(_grams(tokens, _PARTS)), set(tokens)
        for index in found:
            share = self._confirmed(index, mine, vocabulary)
            quoted = _QUOTED.findall(self.texts[index].prompt)
            told = not self.texts[index].family or all(one in text for one in quoted)
            if share is not None and told:
                return Hit(self.texts[index].name, part, share)
        return None

    def _confirmed(
        self, index: int, mine: set[tuple[str, ...]], vocabulary: set[str]
    ) -> float | None:
        """The share of an evaluation prompt's triples that a text holds, when it is a copy."""
        own = set(_grams(self._prompts[index], _PARTS))
        share = _share(own, mine)
        missing = set(self._prompts[index]) - vocabulary - _STOP
        if self.texts[index].family:
            return share if share == 1.0 and not missing else None
        numbers = {gram for gram in own if any(word[0].isdigit() for word in gram)}
        few = len(missing) <= 0.1 * len(set(self._prompts[index]) - _STOP)
        return share if share >= _PROMPT_SHARE and numbers <= mine and few else None


def words(text: str) -> tuple[str, ...]:
    """Words and numbers of a text in lower case; names in camel or snake case are taken apart."""
    if text.isascii():  # the same in either order then
        return tuple(_WORD.findall(text.lower()))
    return tuple([word.lower() for word in _WORD.findall(text)])


def code_tokens(code: str) -> tuple[str, ...]:
    """Tokens of Python without comments and docstrings; words and signs where it is not Python."""
    try:
        tree = ast.parse(code)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                body[:] = body[1:] or [ast.Pass()]
        code = ast.unparse(tree)
        skipped = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
        return tuple(
            token.string
            for token in tokenize.generate_tokens(io.StringIO(code).readline)
            if token.type not in skipped and token.string
        )
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return tuple(re.findall(r"\w+|[^\w\s]", code))


def _definitions(text: str) -> Iterator[str]:
    """Functions and classes that stand in a text, indented or not, as in HTML without its tags."""
    block: list[str] = []
    depth = 0
    for line in [*text.expandtabs().split("\n"), "."]:
        indent = len(line) - len(line.lstrip())
        if block and (not line.strip() or indent > depth):
            block.append(line[depth:])
            continue
        if block:
            yield "\n".join(block).rstrip()
        begins = _DEFINITION.match(line) is not None
        block, depth = ([line[indent:]] if begins else []), indent


def _needed(code: Sequence[str]) -> frozenset[str]:
    """The names without each of which too few of the 5-grams of `code` can be in a text."""
    grams = set(_grams(code, 5))
    holding = Counter(token for gram in grams for token in set(gram) if _is_name(token))
    return frozenset(
        name for name, count in holding.items() if (len(grams) - count) / len(grams) < _CODE_SHARE
    )


def _by_rarest(groups: Iterable[frozenset[str]]) -> dict[str, list[frozenset[str]]]:
    """Each set of names under the one that fewest other sets have; the empty set under ''. A text
    that holds a set holds that name, and most texts hold none of them."""
    listed = sorted(map(sorted, groups))
    common = Counter(name for names in listed for name in names)
    found: dict[str, list[frozenset[str]]] = defaultdict(list)
    for names in listed:
        found[min(names, key=lambda name: common[name], default="")].append(frozenset(names))
    return dict(found)


def _tokens_of(text: EvaluationText) -> tuple[str, ...]:
    if text.tokens is not None:
        return text.tokens
    return code_tokens(text.code) if text.code else ()


def _is_name(token: str) -> bool:
    """Whether a token stands in the source as it is. Keywords may be glued to a number there, and
    `elif` is not always written."""
    return token.isascii() and token.isidentifier() and not keyword.iskeyword(token)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _grams(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return list(zip(*[tokens[start:] for start in range(size)], strict=False))


def _candidates(
    tokens: Sequence[str], sizes: Iterable[int], index: dict[tuple[str, ...], list[int]]
) -> list[int]:
    """Evaluation texts that share a long n-gram, those that share most first."""
    found = [gram for size in sizes for gram in _grams(tokens, size) if gram in index]
    if not found:
        return []
    shared = Counter(number for gram in found for number in index[gram])
    return [number for number, _ in shared.most_common()]


def _share(own: set[tuple[str, ...]], mine: set[tuple[str, ...]]) -> float:
    return len(own & mine) / len(own) if own else 0.0


def _contains(tokens: Sequence[str], own: Sequence[str]) -> bool:
    size = len(own)
    return any(
        tokens[start : start + size] == own
        for start in range(len(tokens) - size + 1)
        if tokens[start] == own[0]
    )
