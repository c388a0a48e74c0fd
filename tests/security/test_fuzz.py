"""Five hundred mutated files; tests/security/fuzz.py has thousands more."""

from collections import Counter

import pytest

from . import files, fuzz

PARTS = 5
CASES = 100  # in each


@pytest.fixture(scope="module")
def models():
    """Models that weights are loaded into, one for each form of file."""
    return {}


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files(part, models, tmp_path):
    def fresh(key):
        if key not in models:
            models[key] = files.fresh(key)
        return models[key]

    counts, wrong = Counter(), []
    for case in range(part * CASES, (part + 1) * CASES):
        outcome, said = fuzz.run_case(case, tmp_path / "in", fresh)
        counts[outcome] += 1
        wrong += [f"case {case}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)
    assert min(counts["refused"], counts["loaded"]) > CASES // 10  # both happen
