"""Trajectories on disk: an append-only store, verification by execution, and importers.

`store` keeps what was played, `verification` decides what may be trained on and says why not,
`reading` and `importers` read files that others wrote. Nothing here plays an episode: that is
`deepcoder.agent`.

Example::

    from deepcoder.trajectories.store import TrajectoryStore

    for trajectory in TrajectoryStore(Path("trajectories.jsonl")):
        print(trajectory.id, trajectory.outcome)
"""
