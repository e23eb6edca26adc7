"""The result channel: no bytes from a run can crash the parent or turn a failure into a pass."""

from __future__ import annotations

import json
import os
import struct

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deepcoder.sandbox import Request, Sandbox, Settings, Status, Tier, execution
from deepcoder.sandbox.channel import Report
from deepcoder.sandbox.execution import result

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
KINDS = ["started", "fault", "loaded", "call", "tests", "cell", "end", "verdict", "", None, 1, []]
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "t": st.sampled_from(KINDS) | JSON,
        "i": st.integers(-2, 4) | JSON,
        "v": JSON,
        "e": JSON,
        "token": JSON,
        "d": JSON,
        "code": JSON,
        "message": JSON,
    },
)


def framed(value: object) -> bytes:
    body = json.dumps(value).encode()
    return struct.pack("=I", len(body)) + body


STREAMS = st.lists(st.binary(max_size=60) | FRAMES.map(framed) | JSON.map(framed), max_size=8)
REQUEST = Request(entry_point="f", calls=(((), {}), ((), {})), tests="assert f()")
START = framed({"t": "started"})


@given(STREAMS, st.booleans(), st.integers(1, 64))
@example([b"\xff\xff\xff\xff"], True, 1)
@example([framed({"t": "tests", "token": None}), framed({"t": "end", "code": 0})], True, 9)
@example([struct.pack("=I", 200_000) + b"[" * 200_000], True, 64)
@example([struct.pack("=I", 9000) + b"1" * 9000], True, 64)
@example([framed({"t": "loaded"}), framed({"t": "call", "i": 0, "v": 1e999})], True, 64)
@settings(max_examples=150, deadline=None)
def test_no_stream_crashes_the_reader_or_passes(parts: list[bytes], begun: bool, cut: int) -> None:
    exchange = execution.exchange(REQUEST, Settings(), Tier.LANDLOCK)
    data = (START if begun else b"") + b"".join(parts)
    for start in range(0, len(data), cut):
        exchange.report.feed(data[start : start + cut])
    assert exchange.report.token is not None
    assert exchange.report.token not in data.decode("latin-1")
    ended = result(exchange, REQUEST, Settings(), Tier.LANDLOCK)
    assert ended.status is not Status.OK  # the token cannot be guessed
    assert not ended.tests_passed
    json.dumps([ended.failure.message if ended.failure else "", ended.status]).encode()


@given(st.lists(FRAMES, max_size=6))
@settings(max_examples=100, deadline=None)
def test_frames_in_any_order_give_at_most_what_was_asked_for(frames: list[dict]) -> None:
    report = Report(limit=1 << 20, calls=2, token="secret")
    report.feed(START + b"".join(map(framed, frames)))
    assert len(report.returns) <= 2
    assert not report.tests_passed


@given(st.binary(max_size=5000))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_real_run_that_writes_bytes_to_its_channel(strongest: Sandbox, data: bytes) -> None:
    code = (
        f"import os\ntry:\n    os.write(1023, {data!r})\nexcept OSError:\n    pass\nos._exit(0)\n"
    )
    request = Request(code=code, entry_point="f", calls=(((), {}),))
    ended = strongest.run(request)
    assert ended.status in (Status.ERROR, Status.OUTPUT_LIMIT)
    assert ended.returns == ()


def test_descriptor_of_the_channel_is_where_the_fuzz_writes(strongest: Sandbox) -> None:
    """Otherwise the test above would test nothing."""
    code = (
        "import json, os, struct\n"
        "def send(**v):\n    b = json.dumps(v).encode()\n"
        "    os.write(1023, struct.pack('=I', len(b)) + b)\n"
        "send(t='loaded'); send(t='call', i=0, v=7); send(t='end', code=0)\nos._exit(0)\n"
    )
    ended = strongest.run(Request(code=code, entry_point="f", calls=(((), {}),)))
    assert [entry.value for entry in ended.returns] == [7]  # believed as any returned value is
    assert ended.status is Status.OK


def test_a_report_counts_every_byte_against_its_limit() -> None:
    report = Report(limit=100)
    report.feed(START)
    report.feed(os.urandom(90) * 2)
    assert report.over_limit or report.broken
    report.feed(framed({"t": "end", "code": 0}))
    assert not report.ended
