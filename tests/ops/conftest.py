"""Cases of the comparison that do not hold yet, listed in data/ops_unsettled.txt, are expected to fail."""

from pathlib import Path

import pytest

LIST = Path(__file__).parents[1] / "data" / "ops_unsettled.txt"
UNSETTLED = set(LIST.read_text(encoding="utf-8").splitlines())


def pytest_collection_modifyitems(items):
    for item in items:
        if item.name in UNSETTLED and item.path.name == "test_ops_peer.py":
            item.add_marker(pytest.mark.xfail(reason="not settled yet", strict=False))
