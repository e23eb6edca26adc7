"""Programming tasks: a hand-written bank, procedural families, user files, public sets.

`loaders.load_problems(cfg, split)` is the one entrance; `show.task_text(problem)` is the one place
that turns a problem into what an agent is shown. Nothing here executes a solution that somebody
else wrote: that is the sandbox's work.

Example::

    from deepcoder.problems.loaders import load_problems
    from deepcoder.problems.show import task_text

    print(task_text(load_problems(cfg.problems, "train")[0]))
"""
