"""The subset that is played: proportional, seeded, stable."""

from __future__ import annotations

from collections import Counter

import pytest

from deepcoder.config import CONF_DIR, compose, validate
from deepcoder.errors import ConfigError, DataError, MissingError
from deepcoder.evaluation.selection import Origin, origin, select
from deepcoder.problems.loaders import load_problems


@pytest.fixture
def pool(problem):
    made = [problem(f"w{i}", ("easy", "medium", "hard")[i % 3]) for i in range(30)]
    made += [problem(f"f{i}", ("easy", "easy", "hard")[i % 3], "fam") for i in range(60)]
    return made


def test_strata_give_their_share(pool) -> None:
    chosen = select(pool, 18, seed=0)
    counts = Counter((p.family is None, str(p.difficulty)) for p in chosen)
    assert counts == {
        (True, "easy"): 2,
        (True, "medium"): 2,
        (True, "hard"): 2,
        (False, "easy"): 8,
        (False, "hard"): 4,
    }
    # In the order of the benchmark, each once.
    order = [p.id for p in pool if p in chosen]
    assert [p.id for p in chosen] == order


@pytest.mark.parametrize("limit", [1, 7, 50, 89])
def test_the_limit_is_met_exactly(pool, limit) -> None:
    assert len(select(pool, limit, seed=3)) == limit


def test_seeds_choose_and_repeat(pool) -> None:
    assert select(pool, 20, 1) == select(pool, 20, 1)
    assert select(pool, 20, 1) != select(pool, 20, 2)
    assert select(pool, None, 1) == select(pool, 500, 2) == tuple(pool)


def test_a_larger_limit_keeps_what_a_smaller_one_chose(pool) -> None:
    small, large = select(pool, 18, 0), select(pool, 36, 0)
    assert {p.id for p in small} <= {p.id for p in large}


def test_bad_benchmarks_are_one_line(pool) -> None:
    with pytest.raises(DataError, match="no problems"):
        select([], 5, 0)
    with pytest.raises(DataError, match=r"more than once, e.g. w0"):
        select([*pool, pool[0]], 5, 0)
    with pytest.raises(ConfigError, match="limit=0"):
        select(pool, 0, 0)


def test_origin(problem) -> None:
    assert origin(problem("a"), {"fam"}) is Origin.WRITTEN
    assert origin(problem("a", family="fam"), {"fam"}) is Origin.SEEN_FAMILY
    assert origin(problem("a", family="new"), {"fam"}) is Origin.NEW_FAMILY


OWN = sorted(
    path.stem
    for path in (CONF_DIR / "benchmark").glob("*.yaml")
    if path.stem not in ("heldout", "builtin")
)


@pytest.mark.parametrize("name", OWN)
def test_a_benchmark_whose_file_is_missing_says_so(name, tmp_path) -> None:
    cfg = compose("evaluate", [f"benchmark={name}", f"benchmark.problems.path={tmp_path}/no.jsonl"])
    validate(cfg)
    with pytest.raises(MissingError, match=r"no\.jsonl does not exist.*Fix"):
        load_problems(cfg.benchmark.problems, "heldout")


def test_the_benchmarks_of_the_documentation_exist() -> None:
    text = (CONF_DIR.parent / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for name in OWN:
        assert f"| `{name}` |" in text
