"""Records that attack are refused on every way into the library, and nothing happens meanwhile."""

import sys
import time
import warnings

import pytest

import lamina

from .records import LATE, WAYS, attacks
from .watch import Tripwire, watched

BENIGN = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
          "config": {"units": 2, "name": "evil"}}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a file that none may read and a module that none may import."""
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "secret.txt").write_text("the\nsecret\n")
    (folder / "evil_canary.py").write_text("def run(*args):\n    return 1\nCanary = run\n")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    assert "evil_canary" not in sys.modules


def settings():
    config = lamina.config
    return (config.floatx(), config.epsilon(), config.image_data_format(),
            config.dtype_policy().name, dict(lamina.saving.get_custom_objects()))  # fmt: skip


def refusal_of(load, given):
    """The message of the refusal, or None; other exceptions than the documented ones go on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(given)
    except (ValueError, OSError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("way", WAYS)
def test_attacks_by_record(way, place):
    make, load = WAYS[way]
    refusal_of(load, make(place, BENIGN))  # loads what of the library is loaded late
    before, wrong = settings(), []
    wire = Tripwire(place / "secret.txt")
    number = list(WAYS).index(way)
    share = (number, len(WAYS)) if number else (0, 1)  # the first is behind all others
    for title, attack in attacks(place / "secret.txt", share).items():
        given, start = make(place, attack.record), time.monotonic()
        try:
            with watched(given if hasattr(given, "name") else place / "nothing"):
                said = refusal_of(load, given)
        except BaseException as error:
            wrong.append(f"{title}: {type(error).__name__} {str(error)[:200]}")
            continue
        if said is None and attack.refused and not (attack.late and way in LATE):
            wrong.append(f"{title}: accepted")
        if said is not None and not ("expected" in said and "\n  Got " in said):
            wrong.append(f"{title}: not in three parts: {said[:200]}")
        if time.monotonic() - start > 5:
            wrong.append(f"{title}: took {time.monotonic() - start:.1f} s")
    assert not wire.tripped()
    wire.close()
    assert settings() == before
    assert not wrong, f"{len(wrong)} of the attacks:\n" + "\n".join(wrong)
