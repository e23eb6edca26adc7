"""Tagged JSON: every value comes back as it was, and comparison is Python's own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder import values
from deepcoder.values import MAX_DEPTH, Unserialisable, decode, encode, equal

Pair = namedtuple("Pair", "x y")


@dataclass
class Point:
    x: int
    y: object = None


class Colour(Enum):
    RED = 1


class Level(IntEnum):
    LOW = 1


SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**3000), 2**3000)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20)  # lone surrogates too
    | st.binary(max_size=20)
    | st.complex_numbers()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
)
KEYS = SCALARS | st.tuples(SCALARS) | st.frozensets(st.integers(), max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "$a", "$tuple"]), inner, max_size=2)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
        | st.lists(inner, max_size=3).map(deque)
    ),
    max_leaves=10,
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(encode(value)))


def same(left: Any, right: Any) -> bool:
    """`==` that also compares types and holds nan equal to nan, at any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return same(sorted(left.items(), key=deep_repr), sorted(right.items(), key=deep_repr))
    if isinstance(left, set | frozenset):
        return sorted(map(deep_repr, left)) == sorted(map(deep_repr, right))
    return left == right or repr(left) == repr(right)


def deep_repr(value: Any) -> str:
    """`repr` of a hashable value that does not depend on the order within frozensets."""
    if isinstance(value, tuple):
        return f"({', '.join(map(deep_repr, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(deep_repr, value)))}}}"
    return repr(value)


@given(VALUES)
@settings(deadline=None)
def test_every_value_comes_back(value: Any) -> None:
    tagged = through_json(value)
    assert same(decode(tagged), value)
    assert equal(tagged, encode(value))


@given(VALUES, VALUES)
@settings(deadline=None, max_examples=300)
def test_comparison_is_pythons(left: Any, right: Any) -> None:
    if "nan" in repr((left, right)):
        return  # nan equals nan here, by rule
    assert equal(through_json(left), through_json(right)) == (left == right)


@pytest.mark.parametrize(
    "value",
    [Point(1, (2,)), Pair(1, [2]), Colour.RED, Level.LOW, range(1, 9, 2), bytearray(b"a\xff"),
     datetime(2024, 10, 27, 2, 30, fold=1), time(2, 30, fold=1), timedelta(-1, 5, 7), -0.0,
     10**5000, -(10**5000), "\ud800\0\u2028", date.max, Decimal("1.50"), Decimal("-Infinity")],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_special_values_come_back(value: Any) -> None:
    back = decode(through_json(value), globals())
    assert same(back, value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (defaultdict(int, a=1), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        ({"a": 1}.keys(), {"$set": ["a"]}),
        (type("S", (str,), {})("x"), "x"),
        (type("I", (int,), {})(5), 5),
        (type("L", (list,), {})([1]), [1]),
        (2**100, 2**100),
        (math.inf, {"$float": "inf"}),
        ((1, [2]), {"$tuple": [1, [2]]}),
        ({"$x": 1}, {"$dict": [["$x", 1]]}),
        ({1: 2}, {"$dict": [[1, 2]]}),
        ({}, {}),
        ([1, "a", None, True, 1.5], [1, "a", None, True, 1.5]),
    ],
)
def test_written_form(value: Any, plain: Any) -> None:
    assert encode(value) == plain


def test_numpy_scalars_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert encode([numpy.int64(3), numpy.float64(0.5), numpy.bool_(True)]) == [3, 0.5, True]


@pytest.mark.parametrize(
    "value",
    [object(), iter([]), print, type, (i for i in ()), {1: print}, lambda: 0],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_data_is_refused(value: Any) -> None:
    with pytest.raises(Unserialisable):
        encode(value)


def test_cycles_and_depth_are_bounded() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(Unserialisable, match="cyclic"):
        encode(cycle)
    deep: Any = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert equal(encode(deep), encode(deep))
    for _ in range(3):
        deep = [deep]
    assert not equal(deep, deep)
    with pytest.raises(ValueError, match="nested deeper"):
        decode(deep)


@pytest.mark.parametrize(
    "tagged",
    [{"$any": 1}, {"$tuple": [1], "x": 2}, {"$tuple": 5}, {"$int": "zz"}, {"$set": [[1]]},
     {"$dict": [1]}, {"$enum": ["Colour", "RED", 1]}, {"$float": None}, {"$date": "yesterday"}],
    ids=repr,
)  # fmt: skip
def test_malformed_values_are_refused_and_equal_nothing(tagged: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(tagged)
    assert not equal([1], tagged)
    assert not equal({"$tuple": [1]}, tagged)


@pytest.mark.parametrize(
    ("expected", "actual", "rules", "result"),
    [
        (1, 1.0, {}, True),
        (True, 1, {}, True),
        (0.3, 0.1 + 0.2, {}, False),
        (0.3, 0.1 + 0.2, {"tolerance": 1e-9}, True),
        (10**6, 10**6 + 0.5, {"tolerance": 1e-6}, True),
        (5, 6, {"tolerance": 0.5}, False),
        ("a", "b", {"tolerance": 9.0}, False),
        ({"$complex": [1, 1]}, {"$complex": [1, 1.0000001]}, {"tolerance": 1e-3}, True),
        ({"$float": "nan"}, {"$float": "nan"}, {}, True),
        ({"$float": "nan"}, 1.0, {"tolerance": 9.0}, False),
        ({"$float": "inf"}, 1e308, {"tolerance": 0.1}, False),
        ([1, [2.0]], [1, [2.0000001]], {"tolerance": 1e-3}, True),
        ([1, 2], [2, 1], {}, False),
        ([1, 2, 2], [2, 1, 2], {"ordered": False}, True),
        ([1, 1, 2], [2, 2, 1], {"ordered": False}, False),
        ([[1, 2]], [[2, 1]], {"ordered": False}, False),
        ([1.0, 2.0], [2.0000001, 1.0], {"ordered": False, "tolerance": 1e-3}, True),
        ([1, 2], {"$tuple": [1, 2]}, {"ordered": False}, False),
        ({"$bytes": "61"}, {"$bytearray": "61"}, {}, True),
        ({"$decimal": "0.5"}, 0.5, {}, True),
        ({"$fraction": [1, 2]}, 0.5, {}, True),
        ({"$enum": ["C", "RED", 1]}, {"$enum": ["C", "RED", 1]}, {}, True),
        ({"$dataclass": ["P", {"x": 1}]}, {"$dataclass": ["P", {"x": 1.0}]}, {}, True),
        ({"$dataclass": ["P", {"x": 1}]}, {"$dataclass": ["Q", {"x": 1}]}, {}, False),
        ({"$namedtuple": ["P", ["x"], [1]]}, {"$tuple": [1]}, {}, True),
        (None, 0, {}, False),
        ("1", 1, {}, False),
    ],
)  # fmt: skip
def test_rules_of_comparison(expected: Any, actual: Any, rules: dict, result: bool) -> None:
    assert equal(expected, actual, **rules) is result


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["$tuple", "$set", "$dict", "$int", "$float", "$decimal", "$fraction",
                         "$complex", "$range", "$datetime", "$bytes", "$enum", "$dataclass",
                         "$namedtuple", "$timedelta", "a"]), inner, max_size=2),
    max_leaves=8,
)  # fmt: skip


@given(HOSTILE, HOSTILE, st.booleans())
@settings(deadline=None, max_examples=400)
def test_no_value_makes_the_judge_raise(expected: Any, actual: Any, ordered: bool) -> None:
    assert equal(expected, actual, ordered=ordered, tolerance=0.1) in (True, False)


def test_a_forged_giant_is_refused_without_work() -> None:
    prime = 2**61 - 1  # every multiple has the same hash
    colliding = {"$set": [n * prime for n in range(100_000)]}
    assert not equal({"$set": [1, 2]}, colliding)
    assert not equal({"$set": [{"$frozenset": [1]}]}, {"$set": [{"$frozenset": colliding["$set"]}]})
    assert not equal({"$fraction": [1, 2]}, {"$fraction": [{"$int": "0x" + "f" * 10**6}] * 2})
    assert not equal(0.5, {"$decimal": "1E+999999999"}, tolerance=0.1)


@pytest.mark.parametrize(
    "members",
    [
        ["b", "a", "é", ""],
        [3, -1, 2**70],
        [2.5, -0.5, 1e300],
        ["a", 1, None, ("x", 2), frozenset({"p", "q"}), float("nan")],
    ],
)
def test_sets_are_written_in_an_order_that_hashing_does_not_change(members: list[Any]) -> None:
    """Otherwise the hash of a problem would differ between two processes."""
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import values\n"
        "nan = float('nan')\n"
        f"print(json.dumps([values.encode(k({members!r})) for k in (set, frozenset)]))\n"
    )
    seen = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-S", "-c", code, str(Path(values.__file__).parent)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1
    encoded = encode(set(members))
    assert equal(encoded, {"$set": encoded["$set"][::-1]})


def test_an_infinity_is_near_nothing_but_itself() -> None:
    infinity = encode(math.inf)
    for wrong in (0j, 1 + 1j, complex(-math.inf), complex(0, math.inf)):
        assert not equal(infinity, encode(wrong), tolerance=0.1)
        assert not equal(encode(complex(math.inf)), encode(wrong), tolerance=0.1)
    assert equal(infinity, encode(complex(math.inf)), tolerance=0.1)
    assert equal(encode(1 + 1j), encode(1.01 + 1j), tolerance=0.1)
