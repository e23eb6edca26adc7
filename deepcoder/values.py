"""Python values as tagged JSON, and their comparison without ever building an object.

Test inputs, expected values and what a candidate returns all travel in this form. The process
that runs a candidate encodes; the process that judges compares two encodings with `equal`, so
nothing a candidate returns is ever turned back into a live object outside the sandbox. The
alternative, pickle, would hand the judge's process to the candidate.

    >>> encode((1, {2.5}))
    {'$tuple': [1, {'$set': [2.5]}]}
    >>> equal([1, 2], {'$tuple': [1, 2]})
    False

The rule for plain JSON: null, booleans, numbers, strings and arrays are themselves (an array is a
list). An object none of whose keys starts with "$" is a dict with string keys. An object with a
key that starts with "$" must be exactly one of the tags below; a dict that has such a key, or any
key that is not a string, is written `{"$dict": [[key, value], ...]}`.

This file imports the standard library only and nothing of this package: the sandbox loads it by
path into an interpreter that has no packages. It knows nothing of numpy arrays; numpy's scalars
are encoded as the Python numbers they stand for.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

__all__ = ["MAX_DEPTH", "Unserialisable", "decode", "encode", "equal"]

MAX_DEPTH = 200
"""Nesting beyond which a value is refused; a cyclic value always goes beyond."""

_PLAIN_INT_BITS = 2048
"""Integers of more bits are written in hexadecimal: Python refuses long decimal strings."""


class Unserialisable(ValueError):
    """The value has no tagged form; the message names its type."""


# ------------------------------------------------------------------------------- encoding


def encode(obj: Any, *, depth: int = 0) -> Any:
    """The tagged form of `obj`: only None, bool, int, float, str, list and dict with string keys.

    Raises:
        Unserialisable: for a generator, a function, an arbitrary instance, a cycle, or a value
            nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise Unserialisable(f"the value is nested deeper than {MAX_DEPTH} levels or cyclic")
    kind = type(obj)
    if obj is None or kind is bool or kind is str:
        return obj
    if kind is int:
        return obj if obj.bit_length() <= _PLAIN_INT_BITS else {"$int": hex(obj)}
    if kind is float:
        return obj if math.isfinite(obj) else {"$float": repr(obj)}
    if kind is list:
        return [encode(item, depth=depth + 1) for item in obj]
    if kind is tuple:
        return {"$tuple": [encode(item, depth=depth + 1) for item in obj]}
    if kind is dict:
        return _encode_dict(obj, depth)
    return _encode_other(obj, depth)


def _encode_dict(obj: Mapping[Any, Any], depth: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in obj):
        return {key: encode(value, depth=depth + 1) for key, value in obj.items()}
    return {
        "$dict": [
            [encode(key, depth=depth + 1), encode(value, depth=depth + 1)]
            for key, value in obj.items()
        ]
    }


def _encode_other(obj: Any, depth: int) -> Any:
    """Everything that is not an exact built-in scalar, list, tuple or dict."""
    if isinstance(obj, Enum):
        return {"$enum": [type(obj).__name__, obj.name, encode(obj.value, depth=depth + 1)]}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        items = [encode(item, depth=depth + 1) for item in tuple(obj)]
        return {"$namedtuple": [type(obj).__name__, [str(name) for name in obj._fields], items]}
    if is_dataclass(obj) and not isinstance(obj, type):
        values = {f.name: encode(getattr(obj, f.name), depth=depth + 1) for f in fields(obj)}
        return {"$dataclass": [type(obj).__name__, values]}
    for base, write in _SCALARS:
        if isinstance(obj, base):
            return write(obj)
    for base, tag in _COLLECTIONS:
        if isinstance(obj, base):
            items = [encode(item, depth=depth + 1) for item in obj]
            if tag in ("$set", "$frozenset"):
                items = _in_order(items)
            return {tag: items} if tag else items
    if isinstance(obj, dict):
        return _encode_dict(obj, depth)
    if type(obj).__module__ == "numpy" and hasattr(obj, "item") and not getattr(obj, "shape", 1):
        return encode(obj.item(), depth=depth + 1)
    raise Unserialisable(f"a value of type {type(obj).__name__} cannot be written as data")


def _in_order(members: list[Any]) -> list[Any]:
    """Members of a set in an order of their own: that of hashing differs between processes."""
    if {type(member) for member in members} in ({int}, {str}, {float}):
        return sorted(members)
    return sorted(members, key=lambda member: json.dumps(member, sort_keys=True))


def _encode_aware(obj: datetime | time) -> Any:
    """ISO text, and the fold that ISO text does not carry."""
    tag = "$datetime" if isinstance(obj, datetime) else "$time"
    return {tag: obj.isoformat() if not obj.fold else [obj.isoformat(), 1]}


_SCALARS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (bool, bool),
    (int, lambda v: encode(int(v))),
    (float, lambda v: encode(float(v))),
    (str, lambda v: str.__str__(v)),
    (complex, lambda v: {"$complex": [encode(v.real), encode(v.imag)]}),
    (bytes, lambda v: {"$bytes": bytes(v).hex()}),
    (bytearray, lambda v: {"$bytearray": bytes(v).hex()}),
    (Decimal, lambda v: {"$decimal": str(v)}),
    (Fraction, lambda v: {"$fraction": [encode(v.numerator), encode(v.denominator)]}),
    (datetime, _encode_aware),
    (date, lambda v: {"$date": v.isoformat()}),
    (time, _encode_aware),
    (timedelta, lambda v: {"$timedelta": [v.days, v.seconds, v.microseconds]}),
    (range, lambda v: {"$range": [encode(v.start), encode(v.stop), encode(v.step)]}),
)
_COLLECTIONS: tuple[tuple[Any, str], ...] = (
    (list, ""),
    (tuple, "$tuple"),
    (set, "$set"),
    (frozenset, "$frozenset"),
    (deque, "$deque"),
    ((type({}.keys()), type({}.items())), "$set"),
)


# ------------------------------------------------------------------------------- decoding


def decode(tagged: Any, namespace: Mapping[str, Any] | None = None, *, depth: int = 0) -> Any:
    """The Python value of `tagged`. `namespace` gives the classes of `$dataclass` and `$enum`.

    A `$namedtuple` whose class is not in the namespace becomes a plain tuple, which it equals.

    Raises:
        ValueError: for a tag that does not exist, a malformed one, or nesting beyond the bound.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(tagged, list):
        return [decode(item, namespace, depth=depth + 1) for item in tagged]
    if not isinstance(tagged, dict):
        return tagged
    tag = _tag(tagged)
    if tag is None:
        return {key: decode(value, namespace, depth=depth + 1) for key, value in tagged.items()}
    body = tagged[tag]
    try:
        if tag in _BUILD:
            return _BUILD[tag]([decode(item, namespace, depth=depth + 1) for item in body])
        if tag in _READ:
            return _READ[tag](body)
        return _decode_named(tag, body, namespace or {}, depth)
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"malformed {tag}: {error}") from None


def _tag(tagged: Mapping[str, Any]) -> str | None:
    """The tag of an object, or None for a plain dict.

    Raises:
        ValueError: for a "$" key that is not a known tag standing alone.
    """
    dollars = [key for key in tagged if key.startswith("$")]
    if not dollars:
        return None
    if len(tagged) != 1 or dollars[0] not in _TAGS:
        raise ValueError(f"not a tagged value: keys {sorted(tagged)[:4]}")
    return dollars[0]


def _decode_named(tag: str, body: Any, namespace: Mapping[str, Any], depth: int) -> Any:
    if tag == "$namedtuple":
        name, _, items = body
        values = [decode(item, namespace, depth=depth + 1) for item in items]
        return namespace[name](*values) if name in namespace else tuple(values)
    name = body[0]
    if name not in namespace:
        raise ValueError(f"the class {name!r} is not defined where the value is used")
    if tag == "$enum":
        return namespace[name][body[1]]
    given = {key: decode(value, namespace, depth=depth + 1) for key, value in body[1].items()}
    return namespace[name](**given)


def _instant(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda body: read(body) if isinstance(body, str) else read(body[0]).replace(fold=1)


_BUILD: dict[str, Callable[[list[Any]], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$deque": deque,
    "$dict": dict,
    "$complex": lambda items: complex(*items),
    "$fraction": lambda items: Fraction(*items),
    "$timedelta": lambda items: timedelta(*items),
    "$range": lambda items: range(*items),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "$int": lambda body: int(body, 16),
    "$float": float,
    "$bytes": bytes.fromhex,
    "$bytearray": bytearray.fromhex,
    "$decimal": Decimal,
    "$datetime": _instant(datetime.fromisoformat),
    "$date": date.fromisoformat,
    "$time": _instant(time.fromisoformat),
}
_NAMED = ("$namedtuple", "$dataclass", "$enum")
_TAGS = frozenset((*_BUILD, *_READ, *_NAMED))


# ----------------------------------------------------------------------------- comparison


def equal(expected: Any, actual: Any, *, tolerance: float = 0.0, ordered: bool = True) -> bool:
    """Whether `actual` is what was expected; both are tagged values, `actual` may be hostile.

    As `==` on the decoded values, which is what the asserts of public test suites ask for: 1
    equals 1.0 and True (a reference of MBPP returns 0 for False), a list is no tuple, sets have no
    order, a named tuple equals the tuple. With these differences:

    - nan equals nan;
    - `tolerance` > 0: two numbers of which one is a float or complex are equal within that
      absolute or relative error, also inside containers (but not as dict keys or set members);
    - `ordered=False`: the outermost list or tuple is compared as a multiset;
    - dataclasses and enum members are equal when class name and contents are.

    Malformed or too deeply nested values equal nothing. Never raises.
    """
    try:
        if _nodes(actual, limit := 4 * _nodes(expected, _NODES) + 16) >= limit:
            return False
        if not ordered:
            return _equal_unordered(expected, actual, tolerance)
        return _equal(expected, actual, tolerance, 0)
    except _HOSTILE:
        return False


_NODES = 50_000_000
_HOSTILE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
"""What opening a malformed value can raise."""


def _nodes(tagged: Any, limit: int) -> int:
    """Count of the values in `tagged`, up to `limit`: a forged giant costs no more than a look.

    Equal values have about equally many; without this bound a set of colliding numbers would keep
    the judge busy for hours.
    """
    waiting, count = [tagged], 0
    while waiting and count < limit:
        item = waiting.pop()
        count += 1
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
    return count


def _equal(expected: Any, actual: Any, tolerance: float, depth: int) -> bool:
    if depth > MAX_DEPTH:
        return False
    kind, left = _open(expected)
    other, right = _open(actual)
    if kind == "number":
        return other == "number" and _equal_numbers(left, right, tolerance)
    if kind != other:
        return False
    if kind in ("list", "tuple", "deque"):
        return len(left) == len(right) and all(
            _equal(a, b, tolerance, depth + 1) for a, b in zip(left, right, strict=True)
        )
    if kind == "dict":
        return _equal_dicts(left, right, tolerance, depth)
    if kind == "set":
        if len(left) != len(right):
            return False
        return {_key(item, depth) for item in left} == {_key(item, depth) for item in right}
    if kind == "dataclass":
        (name, fields_), (other_name, other_fields) = left, right
        return name == other_name and _equal(fields_, other_fields, tolerance, depth + 1)
    return bool(left == right)


def _equal_numbers(expected: Any, actual: Any, tolerance: float) -> bool:
    if expected != expected:  # nan
        return actual != actual
    if tolerance > 0 and any(isinstance(v, float | complex) for v in (expected, actual)):
        if isinstance(expected, complex) or isinstance(actual, complex):
            mine, theirs = complex(expected), complex(actual)
            if mine == theirs:
                return True
            gap, size = abs(mine - theirs), abs(mine)  # an infinity is near nothing but itself
            return math.isfinite(gap) and gap <= tolerance * max(1.0, size)
        close = math.isclose(float(expected), float(actual), rel_tol=tolerance, abs_tol=tolerance)
        return close
    return bool(expected == actual)


def _equal_dicts(left: Any, right: Any, tolerance: float, depth: int) -> bool:
    mine = {_key(key, depth): value for key, value in left}
    theirs = {_key(key, depth): value for key, value in right}
    return mine.keys() == theirs.keys() and all(
        _equal(value, theirs[key], tolerance, depth + 1) for key, value in mine.items()
    )


def _equal_unordered(expected: Any, actual: Any, tolerance: float) -> bool:
    """The outermost sequence as a multiset: each expected item takes the first equal one left.

    Exact pairs are taken first, so that a tolerance cannot steal an item's exact partner.
    """
    kind, left = _open(expected)
    other, right = _open(actual)
    if kind not in ("list", "tuple") or other != kind:
        return _equal(expected, actual, tolerance, 0)
    if len(left) != len(right):
        return False
    waiting: dict[Any, list[Any]] = {}
    for item in right:
        waiting.setdefault(_key(item, 0), []).append(item)
    unmatched = []
    for item in left:
        same = waiting.get(_key(item, 0), [])
        found = next((i for i, other in enumerate(same) if _equal(item, other, 0.0, 0)), None)
        if found is None:
            unmatched.append(item)
        else:
            same.pop(found)
    rest = [item for group in waiting.values() for item in group]
    if unmatched and tolerance <= 0:
        return False
    for item in unmatched:
        found = next((i for i, other in enumerate(rest) if _equal(item, other, tolerance, 0)), None)
        if found is None:
            return False
        rest.pop(found)
    return True


def _open(tagged: Any) -> tuple[str, Any]:
    """(kind, contents) of one level: equal values of Python have equal kinds."""
    if isinstance(tagged, bool | int | float):
        return "number", tagged
    if isinstance(tagged, list):
        return "list", tagged
    if not isinstance(tagged, dict):
        return ("none" if tagged is None else "str"), tagged
    tag = _tag(tagged)
    if tag is None:
        return "dict", [(key, value) for key, value in tagged.items()]
    body = tagged[tag]
    if tag == "$dict":
        return "dict", [(key, value) for key, value in body]
    if tag in ("$tuple", "$deque", "$set", "$frozenset"):
        return {"$frozenset": "set"}.get(tag, tag[1:]), _checked(body)
    if tag == "$namedtuple":
        return "tuple", _checked(body[2])
    if tag in ("$int", "$float", "$complex", "$decimal", "$fraction"):
        return "number", decode(_bounded(tag, tagged))
    if tag == "$dataclass":
        return "dataclass", (body[0], body[1])
    if tag == "$enum":
        return "enum", (body[0], body[1])
    return {"$bytearray": "bytes"}.get(tag, tag[1:]), decode(tagged)


def _bounded(tag: str, tagged: Any) -> Any:
    """Refuse numbers so long that arithmetic on them would stall the judge."""
    body = tagged[tag]
    parts = body if isinstance(body, list) else [body]
    lengths = [
        len(p["$int"]) if isinstance(p, dict) and "$int" in p else len(str(p)) for p in parts
    ]
    if max(lengths, default=0) > (200_000 if tag == "$int" else 20_000):
        raise ValueError("the number is too long to compare")
    return tagged


def _checked(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise ValueError("a collection's body must be an array")
    return body


def _key(tagged: Any, depth: int) -> Any:
    """A hashable stand-in: equal for equal values. Used for set members, dict keys, multisets."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    kind, body = _open(tagged)
    if kind == "number":
        return ("nan",) if body != body else body
    if kind in ("list", "tuple", "deque"):
        return (kind, *(_key(item, depth + 1) for item in body))
    if kind == "set":
        return kind, frozenset(_key(item, depth + 1) for item in body)
    if kind == "dict":
        return kind, frozenset((_key(k, depth + 1), _key(v, depth + 1)) for k, v in body)
    if kind == "dataclass":
        return kind, body[0], _key(body[1], depth + 1)
    if kind == "bytes":
        return kind, bytes(body)
    return kind, body
