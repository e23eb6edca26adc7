"""Shapes are checked: every jaxtyping annotation of the package holds under pytest, or it fails."""

from __future__ import annotations

import os

os.environ.setdefault("GOMP_SPINCOUNT", "0")

from jaxtyping import install_import_hook

_HOOK = install_import_hook("deepcoder.losses", "beartype.beartype")
