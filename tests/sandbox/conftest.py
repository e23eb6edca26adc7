"""A sandbox per tier that this machine offers, and the same suite as another user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest

from deepcoder.sandbox import Limits, Probe, Sandbox, Settings, Tier, probe_tiers

# In the environment before any worker starts: no run may ever find it.
os.environ["GROQ_API_KEY"] = "CANARY-GROQ-1234"

QUICK = Limits(wall_seconds=0.4, cpu_seconds=1.0, memory_mb=256)
"""Limits for programs that nothing else ends."""
PATIENT = Limits(wall_seconds=10.0, cpu_seconds=4.0, memory_mb=256)
"""Limits for programs that end by themselves or at another limit."""


@cache
def probes() -> dict[Tier, Probe]:
    return {probe.tier: probe for probe in probe_tiers()}


def settings(tier: Tier, **changes: object) -> Settings:
    return Settings(tier=tier.value, allow_weak=True, workers=2, **changes)  # type: ignore[arg-type]


def _open(tier: Tier) -> Iterator[Sandbox]:
    if not probes()[tier].available:
        pytest.skip(f"{tier}: {probes()[tier].detail}")
    with Sandbox(settings(tier)) as opened:
        yield opened


@pytest.fixture(scope="session", params=list(Tier), ids=str)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """In every tier, `rlimits` too."""
    yield from _open(request.param)


@pytest.fixture(scope="session", params=[Tier.NAMESPACES, Tier.LANDLOCK], ids=str)
def strong(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """In the tiers that contain attacks."""
    yield from _open(request.param)


@pytest.fixture(scope="session")
def weak() -> Iterator[Sandbox]:
    """In the tier that only limits."""
    yield from _open(Tier.RLIMITS)


@pytest.fixture(scope="session")
def strongest() -> Iterator[Sandbox]:
    """In the strongest tier that works here."""
    with Sandbox(Settings(allow_weak=True)) as opened:
        yield opened
