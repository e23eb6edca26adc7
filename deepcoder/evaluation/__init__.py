"""Measuring a model on held-out problems: which problems, playing them, and what it adds up to.

`selection` draws a stratified subset, `samples` plays episodes and stores every one, `models` opens
the student with and without its adapter, `statistics` holds estimators and intervals, `summary`
turns samples into the figures of `results.json`, `table` prints them. Reports are
`deepcoder.reporting`.

Example::

    problems = select(load_problems(cfg.problems, "heldout"), cfg.benchmark.limit, seed=cfg.seed)
    results = summarise({"base": trajectories}, problems, cfg.benchmark, seed=cfg.seed)
"""
