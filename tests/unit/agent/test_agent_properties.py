"""``agent.properties``: who may own and read it, and what may stand in it."""

from __future__ import annotations

import os

import pytest

from sslclm_agent.config.properties import parse, read_private
from sslclm_agent.config.settings import from_properties, load
from sslclm_agent.deploy.runners import Exec, Touch
from sslclm_agent.errors import ConfigError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "agent.properties"
    path.write_text("state_dir=/var/lib/sslclm\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(file, mode):
    """Only the owner may read: fine."""
    file.chmod(mode)

    assert load(str(file)).state_dir.as_posix() == "/var/lib/sslclm"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604, 0o700, 0o4600])
def test_an_open_file_is_refused_with_the_mending_command(file, mode):
    """Anybody else who may read or write it: refused, with the chmod that mends it."""
    file.chmod(mode)
    with pytest.raises(ConfigError, match="mode") as caught:
        read_private(str(file))

    assert caught.value.fix == f"chmod 0600 {file}"


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_foreign_file_is_refused_with_the_mending_command(file):
    """A file of another account: refused, with the chown that mends it."""
    os.chown(file, 61_234, 61_234)
    with pytest.raises(ConfigError, match="belongs to 61234") as caught:
        read_private(str(file))

    assert caught.value.fix == f"chown root {file}"


@pytest.mark.parametrize("kind", ["link", "directory", "pipe", "nothing"])
def test_what_is_no_regular_file_is_refused(file, tmp_path, kind):
    """A symbolic link, a directory, a pipe (which must not block), nothing at all."""
    path = tmp_path / "other"
    if kind == "link":
        path.symlink_to(file)
    elif kind == "directory":
        path.mkdir(mode=0o600)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    with pytest.raises(ConfigError) as caught:
        read_private(str(path))

    assert caught.value.fix


def test_comments_and_spaces_are_understood():
    """Java-style: ``#`` and ``!`` begin comments, spaces around key and value do not count."""
    text = "# one\n! two\n\n a = b = c \nd=\n"

    assert parse(text) == {"a": "b = c", "d": ""}


@pytest.mark.parametrize("text", ["a", "=b", "a=1\na=2", "a=b\\\nc"])
def test_lines_that_are_not_clear_are_refused(text):
    """No separator, no key, a key twice, an escape."""
    with pytest.raises(ConfigError, match="line"):
        parse(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alow.kinds", "install"),
        ("allow.kinds", "install,shell"),
        ("allow.directory.1", "relative"),
        ("allow.directory.1", "/"),
        ("allow.directory.1", "/etc/ssl/../.."),
        ("allow.directory.x", "/etc/ssl"),
        ("state_dir", "relative"),
        ("probe.hits", "1"),
        ("probe.seconds", "ever"),
        ("validator.nginx", "nginx -t"),
        ("validator.nginx", "exec:nginx -t"),
        ("validator.nginx", "sh:/bin/true"),
        ("validator.nginx", "exec:"),
        ("validator.nginx", "exec:/bin/true 'open"),
        ("validator.NGINX", "exec:/bin/true"),
        ("reloader.nginx", "touch:/a /b /c"),
    ],
)
def test_what_would_not_limit_anything_is_refused(key, value):
    """A misspelt key, an unknown kind, a path that is none: refused, each with what to write instead."""
    with pytest.raises(ConfigError) as caught:
        from_properties({key: value})

    assert caught.value.fix


def test_commands_are_read_as_words():
    """The words of a command are fixed when the file is read; a trigger has a usual place for its answer."""
    lines = {"validator.a": "exec:/bin/x -t 'two words'", "reloader.a": "touch:/var/lib/sslclm/reload/nginx"}
    settings = from_properties(lines)

    assert settings.validators["a"] == Exec(("/bin/x", "-t", "two words"))
    assert settings.reloaders["a"] == Touch("/var/lib/sslclm/reload/nginx", "/run/sslclm-reload/nginx.status")


def test_an_unknown_property_is_told_what_there_is():
    """A slip in a name lists the names, and the patterns of those that the owner chooses."""
    with pytest.raises(ConfigError, match=r"allow\.dir is not a known property") as caught:
        from_properties({"allow.dir": "/etc/tls"})

    assert [] == [
        one
        for one in ("state_dir", "allow.directory.N", "validator.<name>", "reloader.<name>")
        if one not in caught.value.fix
    ]
