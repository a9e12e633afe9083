"""What a newcomer sees first: ten names at the root, and a project that speaks of itself only."""

from __future__ import annotations

import pytest

from tests.support.sources import ROOT, VISIBLE, tracked_files

ABROAD = ("../" + "shared", "/work/" + "main", "/work/" + "shared", "/work/" + ".library", "/tmp/" + "brief")
"""Places of the people who build the project; a clone has none of them."""
INDEXES = ("pypi" + ".org", "python" + "hosted.org", "registry.npmjs" + ".org", "deb.debian" + ".org")
"""Package indexes: which one is asked is each site's own configuration."""


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Return the paths that git keeps; a copy without git has nothing to look at."""
    files = tracked_files()
    if files is None:
        pytest.skip("this is a copy without git: run the test in a clone")
    return [name for name in files if (ROOT / name).is_file()]


def test_ten_names_stand_at_the_root(tracked: list[str]):
    """Harm prevented: a root that fills up until nobody finds the way in."""
    visible = {name.split("/")[0] for name in tracked if not name.startswith(".")}

    assert set() == visible - VISIBLE


@pytest.mark.parametrize("word", ABROAD)
def test_the_project_speaks_of_itself_only(word: str, tracked: list[str]):
    """Harm prevented: a sentence that sends the reader to a place that does not exist for them."""
    assert [] == [name for name in tracked if word.encode() in (ROOT / name).read_bytes()]


@pytest.mark.parametrize("host", INDEXES)
def test_no_file_names_a_package_index(host: str, tracked: list[str]):
    """Harm prevented: an installation that goes around a site's mirror, or fails where only the mirror is reached."""
    assert [] == [name for name in tracked if host.encode() in (ROOT / name).read_bytes()]
