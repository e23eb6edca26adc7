"""`Sandbox`: one worker, one run at a time, and the choice of the tier it works in.

with Sandbox() as sandbox:
    sandbox.run(Request(code="print(6 * 7)")).stdout   # '42\\n'
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from typing import Any, Self

from deepcoder.errors import ConfigError, MissingError
from deepcoder.sandbox import execution
from deepcoder.sandbox.records import Failure, Request, Result, Settings, Status, Tier
from deepcoder.sandbox.worker import Worker, WorkerLost

__all__ = ["Sandbox", "resolve_tier"]

_LOG = logging.getLogger(__name__)
_FIX = (
    "enable unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0) or Landlock (Linux 5.13 or later, boot "
    "option lsm=landlock,...), or accept resource limits alone with sandbox.allow_weak=true."
)

_failed: dict[tuple[Tier, int], str] = {}
"""Tiers that did not start for this user, and why: `auto` tries them once in a process."""


def allowed_tiers(settings: Settings) -> list[Tier]:
    """The tiers that a configuration permits, strongest first.

    Raises:
        ConfigError: for a tier that does not exist, or `rlimits` without `allow_weak`.
    """
    if settings.tier == "auto":
        return [tier for tier in Tier if tier is not Tier.RLIMITS or settings.allow_weak]
    try:
        tier = Tier(settings.tier)
    except ValueError:
        names = ", ".join(["auto", *Tier])
        raise ConfigError(f"sandbox.tier={settings.tier!r} is none of {names}") from None
    if tier is Tier.RLIMITS and not settings.allow_weak:
        raise ConfigError(
            "sandbox.tier=rlimits contains accidents, not attacks, and is refused by default.",
            fix="choose sandbox.tier=auto, or set sandbox.allow_weak=true on a machine that has "
            "nothing to lose.",
        )
    return [tier]


def resolve_tier(settings: Settings) -> tuple[Tier, Worker]:
    """The strongest permitted tier that starts, with the worker that proved it.

    Raises:
        MissingError: when none does; the message has the reason of each.
    """
    reasons = []
    for tier in allowed_tiers(settings):
        key = (tier, os.geteuid())
        if key not in _failed or settings.tier != "auto":
            worker = _try(settings, tier)
            if isinstance(worker, Worker):
                return tier, worker
            _failed[key] = worker
        reasons.append(f"{tier}: {_failed[key]}")
    raise MissingError(f"No sandbox tier works here ({'; '.join(reasons)}).", fix=_FIX)


def _try(settings: Settings, tier: Tier) -> Worker | str:
    """A worker of the tier, or why there is none."""
    try:
        worker = Worker(settings, tier, tempfile.gettempdir())
    except WorkerLost as error:
        if "ModuleNotFoundError" in str(error):
            raise ConfigError(
                f"sandbox.preload={list(settings.preload)}: {error}",
                fix="install the module beside deepcoder or take it out of sandbox.preload.",
            ) from None
        return str(error)
    if tier is Tier.RLIMITS:
        _LOG.warning(
            "sandbox tier rlimits: code that a model writes can read this user's files, use the "
            "network and outlive its run"
        )
    return worker


class Sandbox:
    """Runs requests one after another in a worker that is replaced when it is old or ill.

    Threads may share it; their runs wait for one another. `config` is a `Settings` or anything
    with fields of the same names, e.g. `deepcoder.config.SandboxConfig`.

    Raises:
        ConfigError, MissingError: on the first use, when no permitted tier works here.
    """

    def __init__(self, config: Any = None) -> None:
        self.settings = Settings.from_config(config)
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._tier: Tier | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> Tier:
        """Choose the tier and start the worker, unless that is done. Returns the tier."""
        with self._lock:
            if self._tier is None:
                self._tier, self._worker = resolve_tier(self.settings)
            return self._tier

    def run(self, request: Request) -> Result:
        """Run one request. What the code does never raises here: it is in the result."""
        why = execution.refusal(request, self.settings)
        if why is not None:
            failure = Failure("Refused", why)
            return Result(Status.REFUSED, failure=failure, tier=self._tier)
        tier = self.start()
        exchange = execution.exchange(request, self.settings, tier)
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            try:
                worker = self._healthy_worker(tier)
                worker.run(exchange)
            except WorkerLost as error:
                self._discard()
                return self._lost(exchange, f"the worker was lost: {error}", tier)
            except BaseException:  # an interrupt: the conversation broke off in the middle
                self._discard()
                raise
            outcome = execution.result(exchange, request, self.settings, tier)
            if worker.runs >= self.settings.recycle_after:
                worker.close()
                self._worker = None
            return outcome

    def _healthy_worker(self, tier: Tier) -> Worker:
        if self._worker is not None and not self._worker.alive:
            self._discard()
        if self._worker is None:
            self._worker = Worker(self.settings, tier, tempfile.gettempdir())
        return self._worker

    def _discard(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    @staticmethod
    def _lost(exchange: execution.Exchange, what: str, tier: Tier) -> Result:
        return Result(
            Status.SANDBOX_FAILURE,
            stdout=exchange.stdout.text,
            stderr=exchange.stderr.text,
            failure=Failure("WorkerLost", what),
            tier=tier,
        )

    def close(self) -> None:
        """End the worker. Idempotent."""
        with self._lock:
            self._closed = True
            if self._worker is not None:
                self._worker.close()
                self._worker = None
