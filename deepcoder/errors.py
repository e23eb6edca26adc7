"""Errors that a user can act on: what was expected, what was found, where, and what to do.

A stage prints a `DeepcoderError` as one line and exits non-zero; anything else is a bug and keeps
its traceback.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "ConfigError",
    "DataError",
    "DeepcoderError",
    "IncompleteError",
    "MissingError",
    "UnavailableError",
]


class DeepcoderError(Exception):
    """An expected failure. `fix` says what to do about it, as an imperative sentence."""

    exit_status = 1

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} Fix: {self.fix}" if self.fix else self.message


class ConfigError(DeepcoderError):
    """The composed configuration cannot work; raised before anything heavy is loaded."""

    exit_status = 2


class MissingError(DeepcoderError):
    """Something outside the project is absent: a model, a key, a package, a device, a file."""


class DataError(DeepcoderError):
    """A record could not be used; the message names the file and the line."""


class IncompleteError(DeepcoderError):
    """The stage ended and kept its work, but part of what was asked for is missing."""

    exit_status = 3


class BackendError(DeepcoderError):
    """What stands behind a chat model failed, not the model: an episode is not over by it.

    As it is, nothing that is asked later would fare better: a wrong key, an unknown model.
    """


class UnavailableError(BackendError):
    """A backend did not answer after every retry; the same question may be asked again later."""

    exit_status = 3
