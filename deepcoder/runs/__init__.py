"""Run folders: where a stage writes, what it writes beside its output, and how stages find each
other.

A run folder is named by the content of the configuration that produced it, so the same command
finds the same folder and continues there, and a later stage can compute where an earlier one put
its output. Each folder holds its resolved config, `run.json` (git commit and dirty flag, input
hashes, seeds, package versions, status), `metrics.jsonl`, and a README map of itself.

    @stage("train")
    def main(cfg: Config, run: RunFolder) -> None: ...

A stage ends with exit status 0 (done), 1 (failed), 2 (bad configuration), 3 (ended incomplete) or
130 (interrupted); what it had done stays done. This module knows nothing of what stages do.
"""

from deepcoder.runs.command import Stage, stage
from deepcoder.runs.files import atomic_write, content_hash, file_hash, leads, locked
from deepcoder.runs.folder import RunFolder
from deepcoder.runs.keys import stage_folder, stage_key
from deepcoder.runs.progress import progress

__all__ = [
    "RunFolder",
    "Stage",
    "atomic_write",
    "content_hash",
    "file_hash",
    "leads",
    "locked",
    "progress",
    "stage",
    "stage_folder",
    "stage_key",
]
