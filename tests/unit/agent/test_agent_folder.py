"""Versioned folders: one link, switched by one rename."""

from __future__ import annotations

import pytest

from sslclm_agent.deploy.folder import Content, VersionedFolder
from sslclm_agent.errors import StageError
from tests.support.agent_lab import quiet

KEY = Content({"bundle.pem": (b"x", 0o600)}, 0o700, (-1, -1))


@pytest.fixture
def folder(tmp_path):
    folder = VersionedFolder(str(tmp_path / "made" / "below"), (str(tmp_path),))
    yield folder
    folder.close()


def install(folder: VersionedFolder, fingerprint: str) -> str:
    version = folder.next_version(fingerprint)
    folder.write(version, KEY, quiet)
    folder.switch(version)
    return version


def test_versions_count_on_and_old_ones_go(folder, tmp_path):
    """The newest are kept, the current and the previous always; missing folders below the prefix were made."""
    names = [install(folder, f"{number:08x}") for number in range(5)]
    folder.switch(names[0])
    folder.prune(2, names[1])

    assert names[4] == "v0005-00000004"
    assert folder.current() == names[0]
    left = {path.name for path in (tmp_path / "made" / "below").iterdir()}
    assert left == {names[0], names[1], names[3], names[4], "current"}


def test_the_current_version_is_never_removed(folder):
    """Whatever asks for it."""
    version = install(folder, "0" * 8)
    folder.discard(version)

    assert folder.read(version, "bundle.pem") == b"x"


def test_a_half_written_version_is_removed(folder, tmp_path):
    """What a crash left is no obstacle, nor is a link left half way."""
    half = tmp_path / "made" / "below" / "v0001-00000000"
    half.mkdir()
    (half / "bundle.pem").write_text("ha")
    (half.parent / ".current.next").symlink_to("nowhere")
    folder.discard("v0001-00000000")

    assert not half.exists()
    assert install(folder, "1" * 8) == folder.current() == "v0001-11111111"


def test_no_link_before_none_after(folder):
    """Back to nothing takes the link away, twice is no error."""
    install(folder, "0" * 8)
    folder.switch(None)
    folder.switch(None)

    assert folder.current() is None


def test_a_version_is_never_written_over(folder):
    """A name that exists is an error, whoever put it there."""
    version = install(folder, "0" * 8)
    with pytest.raises(FileExistsError):
        folder.write(version, KEY, quiet)


def test_missing_folders_above_the_prefix_are_not_made(tmp_path):
    """What the host's owner allowed must exist."""
    with pytest.raises(StageError, match="cannot be opened safely"):
        VersionedFolder(str(tmp_path / "a" / "b" / "c"), (str(tmp_path / "a" / "b"),))

    assert list(tmp_path.iterdir()) == []
