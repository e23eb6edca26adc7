"""Assert suites read as data: the values are those that running the suite would compare."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder import values
from deepcoder.problems.asserts import Unconvertible, read_asserts, read_check
from deepcoder.problems.literals import Unreadable, evaluate

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
literals = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(hashable, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
    ),
    max_leaves=12,
)


def read(node_text: str, **names: object) -> object:
    return evaluate(ast.parse(node_text, mode="eval").body, names)


def pairs(source: str, name: str = "f") -> list[tuple[object, object]]:
    suite = read_asserts(source, name)
    return [(tuple(map(values.decode, c.args)), values.decode(c.expected)) for c in suite.cases]


# ------------------------------------------------------------------------------ literals


def typed(value):
    """The value with its types, whatever order its sets were filled in."""
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(repr, map(typed, value)))
    if isinstance(value, list | tuple):
        return type(value).__name__, [typed(item) for item in value]
    if isinstance(value, dict):
        return "dict", [(typed(key), typed(item)) for key, item in value.items()]
    return type(value).__name__, repr(value)


@given(literals)
def test_literals_have_the_value_that_python_gives_them(value):
    read_back = read(repr(value))
    assert read_back == value
    assert typed(read_back) == typed(eval(repr(value)))


expressions = st.recursive(
    st.integers(-50, 50).map(str) | st.floats(-9, 9).map(repr),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        )
        | inner.map(lambda e: f"-({e})")
        | inner.map(lambda e: f"abs({e})")
        | st.lists(inner, min_size=1, max_size=3).map(lambda es: f"sum([{', '.join(es)}])")
    ),
    max_leaves=6,
)


@given(expressions)
def test_arithmetic_has_the_value_that_python_gives_it(text):
    try:
        expected = eval(text)
    except ArithmeticError:
        with pytest.raises(Unreadable):
            read(text)
    else:
        assert repr(read(text)) == repr(expected)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[i ** 2 for i in range(5) if i % 2]", [1, 9]),
        ("{a + b for a in 'xy' for b in 'z'}", {"xz", "yz"}),
        ("sorted(set([3, 1, 3]))", [1, 3]),
        ("max(x * 2 for x in (1, 5))", 10),
        ("True and 0 or 'x'", "x"),
        ("3 in [1, 2]", False),
        ("tuple('ab')", ("a", "b")),
    ],
)
def test_constant_expressions(text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "[].append",
        "'a'.upper()",
        "x",
        "lambda: 1",
        "9 ** 9 ** 9",
        "2 ** 100000",
        "'a' * 10 ** 9",
        "list(range(10 ** 9))",
        "[i for i in range(10000) for j in range(10000)]",
        "range('a')",
        "1 / 0",
        "...",
        "f'{1}'",
        "'%099999d' % 1",
        "[*range(3)]",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(Unreadable):
        read(text)


# -------------------------------------------------------------------------------- asserts


@given(st.lists(literals, max_size=3), literals)
def test_asserts_become_calls_and_values(args, expected):
    source = f"assert f({', '.join(map(repr, args))}) == {expected!r}, 'message'"
    suite = read_asserts(source, "f")
    assert values.equal(values.encode(args), list(suite.cases[0].args))
    assert values.equal(values.encode(expected), suite.cases[0].expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert f(1) == 2", [((1,), 2)]),
        ("assert 2 == f(1)", [((1,), 2)]),
        ("assert (f(1)) is None", [((1,), None)]),
        ("assert f(1) is True", [((1,), True)]),
        ("assert f(1)", [((1,), True)]),
        ("assert not f(1)", [((1,), False)]),
        ("assert f(1) == 2 and f(2) == 3", [((1,), 2), ((2,), 3)]),
        ("x = [1, 2]\nassert f(x) == sum(x)", [(([1, 2],), 3)]),
        ("for a, b in [(1, 2), (3, 4)]:\n    assert f(a) == b", [((1,), 2), ((3,), 4)]),
        ("import math\n'note'\npass\nassert True\nassert f() == -1", [((), -1)]),
    ],
)
def test_forms(source, expected):
    assert pairs(source) == expected


def test_sets_are_written_in_a_fixed_order():
    """The order of a set of strings differs from process to process; a file's hash must not."""
    (case,) = read_asserts("assert f({'b', 'c', 'a'}) == frozenset({(2, 'x'), (1,)})", "f").cases
    assert case.args == ({"$set": ["a", "b", "c"]},)
    assert case.expected == {"$frozenset": [{"$tuple": [1]}, {"$tuple": [2, "x"]}]}


def test_keyword_arguments():
    case = read_asserts("assert f(1, k=(2,)) == 3", "f").cases[0]
    assert (case.args, case.kwargs) == ((1,), {"k": {"$tuple": [2]}})


def test_a_check_function():
    suite = read_check("def check(candidate):\n    assert candidate(2) == 4\n    assert True\n")
    assert (suite.cases[0].args, suite.cases[0].expected) == ((2,), 4)


def test_order_can_be_free():
    suite = read_asserts("assert set(f(1)) == set((3, 4))", "f")
    assert not suite.ordered
    assert values.decode(suite.cases[0].expected) == (3, 4)
    assert not read_asserts("assert sorted(f(1)) == sorted([4, 3])", "f").ordered


@pytest.mark.parametrize(
    ("source", "tolerance"),
    [
        ("assert abs(f(1) - 0.5) < 1e-6", 1e-6),
        ("assert abs(0.5 - f(1)) <= 1e-6", 1e-6),
        ("assert abs(f(1) - 200.0) < 1e-6", 1e-6 / 200),
        ("assert math.isclose(f(1), 3.5, rel_tol=1e-4)", 1e-4),
        ("assert math.isclose(f(1), 0.5, rel_tol=1e-4)", 0.5e-4),
        ("assert math.isclose(f(1), 2.0)", 1e-9),
        ("assert f(1) == 0.5", 0.0),
    ],
)
def test_tolerances(source, tolerance):
    assert math.isclose(read_asserts(source, "f").tolerance, tolerance)


@given(st.floats(1e-3, 1e3), st.floats(-2, 2), st.floats(1e-9, 1e-2))
def test_a_scaled_tolerance_is_never_looser_than_the_written_one(expected, offset, eps):
    returned = expected + offset * eps
    suite = read_asserts(f"assert abs(f(1) - {expected!r}) < {eps!r}", "f")
    if values.equal(expected, returned, tolerance=suite.tolerance):
        assert abs(returned - expected) < eps * (1 + 1e-6)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "assert g(1) == 2",
        "assert f(1) != 2",
        "assert f(1) < 2",
        "assert f(1) == f(2)",
        "assert f(x) == 2",
        "assert f(*[1]) == 2",
        "assert f(**{}) == 2",
        "assert f(1) == random()",
        "assert len(f(1)) == 2",
        "assert set(f(1)) == {1}",
        "assert set(f(1)) == set([1]) and f(2) == [1]",
        "assert abs(f(1) - 0.5) < 1e-6 and f(2) == 0.25",
        "assert abs(f(1) - 0.5) < 1e-6 and abs(f(2) - 0.5) < 1e-3",
        "assert not (f(1) == 2)",
        "while True: assert f(1) == 2",
        "with open('x'): assert f(1) == 2",
        "print(f(1))\nassert f(1) == 2",
        "for i in range(600): assert f(i) == i",
        "a, b = 1\nassert f(a) == b",
        "assert f(1 == 2",
        "assert f(lambda: 1) == 2",
    ],
)
def test_what_is_not_data_is_refused(source):
    with pytest.raises(Unconvertible):
        read_asserts(source, "f")


def test_a_suite_without_check():
    with pytest.raises(Unconvertible, match="check"):
        read_check("assert f(1) == 2")
