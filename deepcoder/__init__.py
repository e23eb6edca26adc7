"""deepcoder: distil a strong coding agent into a small one that people run themselves."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    # Looked up on demand: reading package metadata costs a tenth of the time of a `--help`.
    if name != "__version__":
        raise AttributeError(f"module 'deepcoder' has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("deepcoder")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0+source"
