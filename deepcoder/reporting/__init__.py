"""Static HTML reports of runs: one file, no script from elsewhere, no network.

`runs_read` reads run folders, `charts` draws SVG, `episodes` colours trajectories by span kind, and
`page` puts them into `report.html.j2`. It computes no figure: those are in `results.json`.

Example::

    from deepcoder.reporting.page import write_report

    write_report(Path("runs/evaluate/…"), train=Path("runs/train/…"))
"""
