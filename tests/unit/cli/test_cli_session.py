"""The session file: for its owner only, whole or not at all, and it never says what is in it."""

from __future__ import annotations

import stat

import pytest

from api.cli.errors import Misused
from api.cli.session import Kept, Remembered, SessionFile

SERVER = "https://clm.test"


def test_what_is_kept_is_private(tmp_path):
    """File and folder are readable by nobody else, and no temporary file stays behind."""
    folder = tmp_path / "config" / "sslclm"
    file = SessionFile(folder)
    file.remember(SERVER, Remembered(token="t"), current=True)

    assert (0o600, 0o700) == (stat.S_IMODE(file.path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode))
    assert [file.path] == list(folder.iterdir())
    assert Kept(current=SERVER, servers={SERVER: Remembered(token="t")}) == file.read()


def test_servers_are_kept_apart(tmp_path):
    """What is known of one server does not change with another, and only a sign-in changes the current one."""
    file = SessionFile(tmp_path)
    file.remember(SERVER, Remembered(token="one"), current=True)
    file.remember("https://other.test", Remembered(position=7))

    kept = file.read()
    assert (SERVER, "one") == (kept.current, kept.servers[SERVER].token)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused(fake, mode):
    """A file with any right for others is not used, and the message says how to mend it."""
    file = fake.folder / "session.json"
    file.chmod(mode)
    refused = fake("whoami", expect=2)

    assert f"chmod 600 {file}" in " ".join(refused.stderr.split())
    assert [] == fake.asked


def test_a_link_is_not_followed(tmp_path):
    """Where somebody put a symbolic link, nothing is read through it, and writing replaces the link."""
    file = SessionFile(tmp_path / "sslclm")
    file.remember(SERVER, Remembered(token="mine"))
    elsewhere = tmp_path / "elsewhere"
    file.path.rename(elsewhere)
    file.path.symlink_to(elsewhere)

    with pytest.raises(Misused, match=r"session\.json"):
        file.read()


@pytest.mark.parametrize("content", ["", "{", '{"servers": {"x": {"token": 1}}}', '{"secret-token": 1}', "\x00\xff"])
def test_a_strange_file_is_refused_without_repeating_it(tmp_path, content):
    """What cannot be read is named by its path; its content, which may be a token, is not repeated."""
    file = SessionFile(tmp_path)
    file.path.write_text(content)
    file.path.chmod(0o600)
    with pytest.raises(Misused) as caught:
        file.read()

    assert "is not what this program wrote" in caught.value.message
    assert "secret-token" not in caught.value.message


def test_an_old_file_survives_a_failed_write(tmp_path, monkeypatch):
    """When the disk fails, the file is what it was, and nothing lies beside it."""
    file = SessionFile(tmp_path)
    file.remember(SERVER, Remembered(token="old"))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Misused, match="No space left"):
        file.remember(SERVER, Remembered(token="new"))

    assert "old" == file.read().servers[SERVER].token
    assert [file.path] == list(tmp_path.iterdir())
