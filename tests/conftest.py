"""Settings that must stand before torch is imported, and the isolation every test gets."""

from __future__ import annotations

import os

# One busy neighbour makes two spinning OpenMP threads several times slower.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tests run offline; a library that tries the network fails here as it would on a plane.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "offline"
