"""Errors that a user can act on: what was expected, what was found, where, and what to do.

A stage prints a `DeepcoderError` as one line and exits non-zero; anything else is a bug and keeps
its traceback.
"""

from __future__ import annotations

__all__ = ["ConfigError", "DataError", "DeepcoderError", "IncompleteError", "MissingError"]


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
