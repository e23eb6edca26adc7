"""Which language a text is written in: by its letters, then by its commonest small words.

    foreign("我们需要 the sum", ["en"])        # 'zh'
    foreign("We need the sum.", ["en"])        # None

Reasoning models slip into another language in the middle of a thought; a student should not learn
that. Code, quoted text and everything that stands in the task itself say nothing about the language
and are left out. Short texts are never refused: below eight foreign letters or twenty words nothing
is certain. Alternative: a trained language identifier knows more languages, and takes `x = ys[0]`
for one of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from functools import lru_cache

__all__ = ["LANGUAGES", "foreign"]

_SCRIPTS: dict[str, tuple[str, ...]] = {
    "ar": ("ARABIC",),
    "el": ("GREEK",),
    "fa": ("ARABIC",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "th": ("THAI",),
    "uk": ("CYRILLIC",),
    "zh": ("CJK",),
}
_SMALL_WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the of and to is that it we for this with are be so but if not can have should let "
        "need first then which will at from by each there what do i",
        "de": "der die das und ist nicht wir ein eine zu den von mit auf für es sich dass auch "
        "aber wenn dann muss werden soll ich",
        "es": "el los las y es que un una por para con no se lo como pero si debe entonces del al "
        "cada esto necesitamos",
        "fr": "le les et est que un une pour avec ne pas nous il se mais si dans des du cette "
        "alors donc chaque doit",
        "it": "il gli e che un una per con non si ma se del della è questo quindi allora ogni deve "
        "dobbiamo",
        "nl": "het een en van is dat niet we met voor op te zijn maar als dan moet elke dit",
        "pt": "o os as e é que um uma para com não se mas do da então cada isto precisamos deve",
    }.items()
}
LANGUAGES: tuple[str, ...] = tuple(sorted({*_SCRIPTS, *_SMALL_WORDS}))
"""The languages that can be told apart, as ISO 639-1 codes."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'", re.S)
_WORD = re.compile(r"[^\W\d_]+")
_FEW_LETTERS, _FEW_WORDS = 8, 20
_SHARE = 0.05  # of all letters: a foreign name or a quoted word is no change of language


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]


def foreign(text: str, allowed: Collection[str], known: str = "") -> str | None:
    """The language outside `allowed` that a part of `text` is written in, or None.

    `known` is text that may be repeated in any language: the task. For letters of a script that no
    known language has, the script's name is returned in lower case.
    """
    given = set(known)
    prose = _CODE.sub(" ", text)
    letters = [c for c in prose if c.isalpha() and not (ord(c) > 0x24F and c in given)]
    scripts = Counter(_script(c) for c in letters if ord(c) > 0x24F)
    allowed_scripts = {s for name in allowed for s in _SCRIPTS.get(name, ())}
    # Greek letters are mathematics in any language.
    strange = {
        script: count
        for script, count in scripts.items()
        if script not in allowed_scripts
        and script not in ("LATIN", "MODIFIER", "MATHEMATICAL")
        and not (script == "GREEK" and count < len(letters) / 4)
    }
    total = sum(strange.values())
    if total >= _FEW_LETTERS and total > _SHARE * len(letters):
        script = max(strange, key=lambda name: strange[name])
        names = [name for name, own in _SCRIPTS.items() if script in own]
        return "zh" if script == "CJK" else (names[0] if names else script.lower())
    return _latin(prose, allowed)


def _latin(prose: str, allowed: Collection[str]) -> str | None:
    """The same for languages in Latin letters, by their small words."""
    words = [word.lower() for word in _WORD.findall(prose)]
    if len(words) < _FEW_WORDS:
        return None
    counts = {name: sum(word in small for word in words) for name, small in _SMALL_WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    allowed_counts = [counts[name] for name in allowed if name in counts]
    if best in allowed or counts[best] < 0.15 * len(words):
        return None
    return best if counts[best] > 2 * max(allowed_counts, default=0) else None
