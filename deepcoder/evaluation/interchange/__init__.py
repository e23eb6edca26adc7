"""Our students in other people's harnesses, and our samples in other people's formats.

`evalplus` writes samples that evalplus judges; `inspect_ai` is a model provider and a solver for
inspect-ai; `lm_eval` a model for lm-evaluation-harness. The harnesses are not dependencies: each
module imports its own when it is imported (extras `inspect` and `lm-eval`).
"""
