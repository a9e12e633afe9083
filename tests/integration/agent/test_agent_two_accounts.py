"""The agent under its own account, nginx's master under root: the reload goes through the trigger file.

systemd's path unit is played by a thread here, since no systemd runs in a test: it watches the trigger as
``sslclm-reload@.path`` does, and starts the very script that the unit starts, with ``nginx`` and ``systemctl`` on its
PATH standing for this test's own server.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.agent_lab import AGENT, NAME, Lab, command_line, python_for, sha256_of, write_properties
from tests.support.nginx import running_nginx, seed_pair, served_der
from tests.support.nginx_sites import running_sites
from tests.support.pki import make_leaf

ACCOUNT = 61_234
OTHER_GROUP = 61_235
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="two accounts need root; run the tests as root in a container"
)


class OtherAccount(Lab):
    """A lab whose agent runs as ``ACCOUNT``."""

    def enrol(self) -> None:
        """Enrol as the agent's account."""
        self.python = python_for(ACCOUNT)
        token = self.folder / "token"
        token.write_text(self.backend.token())
        token.chmod(0o644)  # the other account reads it, whatever our umask is
        self._own()
        done = self.agent("enrol", "--token-file", str(token))
        assert done.returncode == 0, done.stderr

    def allow(self, **lines: str) -> None:
        """Change properties and keep their owner."""
        self.lines |= {key.replace("__", "."): value for key, value in lines.items()}
        write_properties(self.config, self.lines)
        self._own()

    def agent(self, *arguments: str):
        """Run the agent as its account."""
        return command_line(self.config, *arguments, user=ACCOUNT, python=self.python)

    def once(self, progress=None) -> None:
        """Drain the queue as the agent's account."""
        assert progress is None
        done = self.agent("once")
        assert done.returncode == 0, done.stderr

    def _own(self) -> None:
        for path in (self.folder / "state", self.target, self.folder / "reload"):
            path.mkdir(mode=0o700, exist_ok=True)
        for path in (self.config, self.folder / "state", self.target, self.folder / "reload"):
            os.chown(path, ACCOUNT, ACCOUNT)


@pytest.fixture
def place():
    """Make a folder that other accounts can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="agent-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lab(backend, place):
    return OtherAccount(place, backend)


@contextmanager
def path_unit(trigger: Path, status: Path, commands: Path):
    """Watch the trigger and run the root-owned script for the service of that name, until the block ends."""
    stop, script = threading.Event(), str(AGENT / "systemd" / "sslclm-reload")
    world = {"PATH": f"{commands}:/usr/bin:/bin", "RUNTIME_DIRECTORY": str(status)}
    world["SSLCLM_NGINX_SITES"] = str(commands.parent / "nginx")

    def watch() -> None:
        seen = b""
        while not stop.wait(0.02):
            now = trigger.read_bytes() if trigger.exists() else b""
            if len(now) == 33 and now != seen:
                subprocess.run(("/bin/sh", script, trigger.name, str(trigger)), env=world, check=False, timeout=20)
                seen = now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


@pytest.fixture
def nginx(lab, place):
    old = make_leaf(lab.issuer, sans=(NAME,))
    seed_pair(lab.target, old)
    commands, status, trigger = place / "commands", place / "status", place / "reload" / "nginx"
    commands.mkdir()
    status.mkdir(mode=0o755)
    with running_nginx(place / "nginx", lab.target) as server:
        _stand_ins(commands, server)
        lab.allow(reloader__web=f"touch:{trigger} {status / 'nginx.status'}")
        with path_unit(trigger, status, commands):
            yield server, sha256_of(old.pem)


def served(server) -> str:
    return hashlib.sha256(served_der(server.port)).hexdigest()


def test_the_unprivileged_agent_reloads_through_the_trigger(lab, nginx):
    """Another account installs, root validates and reloads by its own script, the handshake proves it."""
    server, _ = nginx
    parameters = lab.install_parameters([server.endpoint])
    result = lab.do("install", parameters)

    assert result["outcome"] == "served", result
    assert served(server) == parameters["fingerprint"]
    assert (lab.target / "current" / "privkey.pem").stat().st_uid == ACCOUNT


def test_the_unprivileged_agent_disables_what_root_has_enabled_it_to(lab, place):
    """Another account takes a site's link away and puts it back by root's script, and touches no other site."""
    other = place / "tls-other"
    pairs = {NAME: lab.target, "api.example.test": other}
    for name, folder in pairs.items():
        seed_pair(folder, make_leaf(lab.issuer, sans=(name,)))
    commands, status, triggers = place / "commands", place / "status", place / "reload"
    for folder in (commands, status):
        folder.mkdir(mode=0o755)
    with running_sites(place / "nginx", pairs) as server, ExitStack() as units:
        _stand_ins(commands, server)
        site = f"{NAME}.conf"
        lines = {"reloader": "nginx", "disabler": f"nginx-off-{site}", "enabler": f"nginx-on-{site}"}
        for service in lines.values():
            units.enter_context(path_unit(triggers / service, status, commands))
        lab.allow(**{f"{name}__web": f"touch:{triggers / one} {status / one}.status" for name, one in lines.items()})
        endpoint = {**server.endpoint, "server_name": NAME}
        task = {"deployment_id": "deployment-1", "certificate_id": "certificate-1", "disabler": "web"}
        task |= {"fingerprint": served(server), "target": lab.target_spec([endpoint])}
        result = lab.do("remove", task)
        assert result["outcome"] == "removed", result
        assert not (place / "nginx" / "sites-enabled" / site).exists()

        link = place / "nginx" / "sites-enabled" / site
        link.symlink_to(f"../sites-available/{site}")
        config = place / "nginx" / "nginx.conf"
        config.write_text(config.read_text() + "nonsense;\n")
        assert lab.do("remove", task)["stage"] == "reload"
        assert link.is_symlink()


def _stand_ins(commands: Path, server) -> None:
    """Let ``nginx`` and ``systemctl`` on the script's PATH stand for this test's own server."""
    for name, line in (("nginx", server.command() + ' "$@"'), ("systemctl", server.command("-s", "reload"))):
        (commands / name).write_text(f"#!/bin/sh\nexec {line}\n")
        (commands / name).chmod(0o755)


def test_what_roots_script_refuses_leads_back(lab, nginx, place):
    """When ``nginx -t`` fails for any reason its words are reported and the old pair is served."""
    server, old = nginx
    with (place / "nginx" / "nginx.conf").open("a") as config:
        config.write("nonsense;\n")
    result = lab.do("install", lab.install_parameters([server.endpoint]))

    assert (result["stage"], result["served_now"]) == ("reload", old), result
    assert "nonsense" in result["detail"]
    assert served(server) == old


def test_without_the_trigger_the_agent_cannot_reload(lab, nginx):
    """The agent's account cannot signal root's nginx itself: that is what the trigger is for."""
    server, old = nginx
    lab.allow(reloader__web=f"exec:{server.command('-s', 'reload')}")
    result = lab.do("install", lab.install_parameters([server.endpoint]))

    assert (result["stage"], result["served_now"], result["rolled_back"]) == ("reload", old, True), result


def test_the_group_comes_from_the_folder(lab, nginx):
    """In a setgid folder the folder's group reads the key, though the agent is no member and calls no chown."""
    server, _ = nginx
    os.chown(lab.target, ACCOUNT, OTHER_GROUP)
    lab.target.chmod(0o2750)
    parameters = lab.install_parameters([server.endpoint])
    result = lab.do("install", {**parameters, "target": {**parameters["target"], "mode": "0640"}})
    folder = (lab.target / "current").resolve()

    assert result["outcome"] == "served", result
    below = {"directory": f"{lab.target}/a/b", "mode": "0640", "kind": "files", "endpoints": [], "reloader": ""}
    assert lab.do("install", {**parameters, "target": {**parameters["target"], **below}})["outcome"] == "served"
    deep = (lab.target / "a" / "b" / "current").resolve()
    wanted = ((folder, 0o750), (folder / "privkey.pem", 0o640), (deep.parent, 0o750), (deep / "privkey.pem", 0o640))
    for path, mode in wanted:
        assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode) & 0o777) == (OTHER_GROUP, mode)


def test_another_owner_needs_root(lab, nginx):
    """A task that wants an owner the agent cannot give fails when writing, and nothing is left behind."""
    server, old = nginx
    parameters = lab.install_parameters([server.endpoint])
    result = lab.do("install", {**parameters, "target": {**parameters["target"], "owner": "root"}})

    assert (result["stage"], result["rolled_back"], result["served_now"]) == ("write", True, old), result
    assert sorted(path.name for path in lab.target.iterdir()) == ["current", "v0001-00000000"]


@pytest.mark.parametrize("trigger", ["", "zz" * 16, "link"])
def test_the_script_copies_nothing_but_a_number(tmp_path, trigger):
    """An odd trigger, or a link to a secret, ends the script without an answer."""
    path, secret = tmp_path / "nginx", tmp_path / "secret"
    secret.write_text("0" * 32)
    if trigger == "link":
        path.symlink_to(secret)
    else:
        path.write_text(trigger)
    command = ("/bin/sh", str(AGENT / "systemd" / "sslclm-reload"), "nginx", str(path))
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", "RUNTIME_DIRECTORY": str(tmp_path)}, check=False)

    assert done.returncode == 65
    assert not (tmp_path / "nginx.status").exists()
