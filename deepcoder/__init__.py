"""deepcoder: distil a strong coding agent into a small one that people run themselves."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("deepcoder")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0+source"
