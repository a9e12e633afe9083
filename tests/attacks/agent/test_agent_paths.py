"""Install tasks, rightly signed, that reach for what this host does not allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.agent_lab import Lab


def outcome(lab: Lab, **target: object) -> dict:
    parameters = lab.install_parameters()
    return lab.do("install", {**parameters, "target": {**parameters["target"], **target}})


def assert_refused(result: dict) -> None:
    assert (result["outcome"], result["stage"]) == ("failed", "refused"), result


@pytest.mark.parametrize(
    "path", ["{up}/elsewhere", "{target}/../elsewhere", "{target}/./x", "{target}//x", "{target}x", "/"]
)
def test_a_path_outside_is_refused(lab, path):
    """Neither another directory, nor one with .. in it, nor one that only begins alike."""
    before = sorted(lab.folder.rglob("*.pem"))
    assert_refused(outcome(lab, directory=path.format(up=lab.folder, target=lab.target)))

    assert not (lab.folder / "elsewhere").exists()
    assert [path for path in lab.folder.rglob("*.pem") if path not in before and "state" not in path.parts] == []


def test_a_link_that_leads_out_is_refused(lab):
    """A symbolic link inside the allowed directory does not widen it."""
    outside = lab.folder / "outside"
    outside.mkdir()
    (lab.target / "link").symlink_to(outside)
    assert_refused(outcome(lab, directory=f"{lab.target}/link"))
    assert_refused(outcome(lab, directory=f"{lab.target}/link/deeper"))

    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("planted", ["link", "directory", "file"])
def test_a_planted_current_is_refused(lab, planted):
    """``current`` that this agent did not make is left alone."""
    current = lab.target / "current"
    if planted == "link":
        current.symlink_to("/etc")
    elif planted == "directory":
        current.mkdir()
    else:
        current.write_text("mine")
    assert_refused(outcome(lab))

    assert current.is_symlink() == (planted == "link")
    assert [path.name for path in lab.target.iterdir()] == ["current"]


def test_a_planted_version_is_not_written_into(lab):
    """A link with the next version's name moves the number on instead of being followed."""
    outside = lab.folder / "outside"
    outside.mkdir()
    (lab.target / "v0001-00000000").symlink_to(outside)
    result = outcome(lab)

    assert result["outcome"] == "served", result
    assert list(outside.iterdir()) == []


def test_a_directory_that_everybody_may_write_is_refused(lab):
    """Whoever can write there could exchange the pair under the agent's hands."""
    lab.target.chmod(0o777)
    result = outcome(lab)

    assert_refused(result)
    assert "chmod o-w" in result["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"validator": "unknown"},
        {"reloader": "unknown"},
        {"mode": "0644"},
        {"mode": "0666"},
        {"mode": "0700"},
        {"mode": "7"},
        {"owner": "root; id"},
        {"validator": "/bin/sh"},
        {"kind": "shell"},
        {"kind": "nginx"},
        {"layout": "both"},
        {"endpoints": [{"address": "a b", "port": 1, "server_name": "x"}]},
        {"endpoints": [{"address": "127.0.0.1", "port": 0, "server_name": "x"}]},
        {"command": "id"},
    ],
    ids=str,
)
def test_a_target_with_an_odd_member_is_refused(lab, changes):
    """Names that the host does not define, modes that show the key, members nobody knows."""
    assert_refused(outcome(lab, **changes))

    assert lab.current() is None


def test_a_program_that_others_can_change_is_not_started(lab):
    """A validator in a directory that everybody may write is refused at every use, and the host is left as it was."""
    folder = lab.folder / "open"
    folder.mkdir()
    program = folder / "check"
    program.write_text(f"#!/bin/sh\ntouch {lab.folder}/started\n")
    program.chmod(0o755)
    folder.chmod(0o777)
    lab.allow(validator__web=f"exec:{program}")
    result = outcome(lab)

    assert (result["stage"], result["rolled_back"]) == ("validate", True)
    assert "can be changed by others" in result["detail"]
    assert not (lab.folder / "started").exists()
    assert lab.current() is None


def test_an_unknown_account_is_refused(lab):
    """An owner this host does not know changes nothing."""
    result = outcome(lab, owner="nobody-of-that-name")

    assert (result["outcome"], result["stage"]) == ("failed", "check")
    assert lab.current() is None
    assert list(lab.target.iterdir()) == []


def test_a_validator_is_started_without_a_shell_and_with_nothing_of_the_task(lab):
    """It sees exactly the arguments of the properties, no shell metacharacter means anything, its world is small."""
    program = lab.folder / "check"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {lab.folder}/seen\nenv > {lab.folder}/env\n')
    program.chmod(0o700)
    lab.allow(validator__web=f"exec:{program} 'a b' $HOME ;id")
    assert outcome(lab)["outcome"] == "served"

    assert Path(lab.folder / "seen").read_text() == "a b|$HOME|;id|"
    assert "PYTHONPATH" not in Path(lab.folder / "env").read_text()
