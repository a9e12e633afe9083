"""Taking a certificate out of service on a real nginx with two sites: one goes, the other goes on serving."""

from __future__ import annotations

import hashlib
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agent_lab import NAME, Lab, command_line, sha256_of
from tests.support.crash_backend import eventually
from tests.support.nginx import Nginx, seed_pair, served_der
from tests.support.nginx_sites import running_sites, switch
from tests.support.pki import Pair, make_leaf

OTHER = "api.example.test"
FORWARD = ("planned", "disable done", "validate done", "reload done", "proven gone", "recorded", "journal cleared")
BACK = ("going back", "enable done", "proven back", "recorded", "journal cleared")


@dataclass
class Host:
    """A host whose nginx serves two sites; the agent may be asked to remove the certificate of the first."""

    lab: Lab
    server: Nginx
    pair: Pair
    other: Path

    def served(self, name: str = NAME) -> str:
        """Return what is served under a name, hex SHA-256."""
        return hashlib.sha256(served_der(self.server.port, name)).hexdigest()

    def task(self, **changes: object) -> dict[str, object]:
        """Return the parameters of the removal."""
        target = self.lab.target_spec([{"address": "127.0.0.1", "port": self.server.port, "server_name": NAME}])
        ids = {"deployment_id": "deployment-1", "certificate_id": "certificate-1"}
        return {**ids, "fingerprint": sha256_of(self.pair.pem), "disabler": "web", "target": target, **changes}

    def permit(self, **lines: str) -> None:
        """Let the owner permit to disable and enable the first site, with ``lines`` besides."""
        prefix = self.server.prefix
        both = {"disabler__web": switch(prefix, NAME, on=False), "enabler__web": switch(prefix, NAME, on=True)}
        self.lab.allow(**both | lines)


@pytest.fixture
def host(lab, tmp_path):
    other = tmp_path / "tls-other"
    pair = make_leaf(lab.issuer, sans=(NAME,))
    seed_pair(lab.target, pair)
    seed_pair(other, make_leaf(lab.issuer, sans=(OTHER,)))
    with running_sites(tmp_path / "nginx", {NAME: lab.target, OTHER: other}) as server:
        commands = {"validator": server.command("-t", "-q"), "reloader": server.command("-s", "reload")}
        lab.allow(**{f"{name}__web": f"exec:{command}" for name, command in commands.items()})
        yield Host(lab, server, pair, other)


def test_a_site_is_disabled_and_the_other_goes_on(host):
    """The removed certificate is proven to be gone, the other site's is served as before, the files are kept."""
    host.permit()
    before = host.served(OTHER)
    result = host.lab.do("remove", host.task())

    assert result["outcome"] == "removed", result
    assert {host.served(), host.served(OTHER)} == {before}
    assert [one["sha256"] for one in result["evidence"]] == [before]
    assert (host.lab.target / "current" / "privkey.pem").exists()


def test_files_are_deleted_where_the_owner_says_so(host):
    """With removed.files=delete neither key nor chain is left; nginx validates and reloads without them."""
    host.permit(removed__files="delete")
    before = host.served(OTHER)
    result = host.lab.do("remove", host.task())

    assert (result["outcome"], result["detail"]) == ("removed", "")
    assert list(host.lab.target.iterdir()) == []
    assert host.served(OTHER) == before


def test_files_that_something_else_uses_are_kept(host):
    """Another site's configuration names one of the files: nginx would not start without it, so all stay."""
    host.permit(removed__files="delete")
    other = host.server.prefix / "sites-available" / f"{OTHER}.conf"
    trusted = f"ssl_trusted_certificate {host.lab.target}/current/fullchain.pem;\n}}"
    other.write_text(other.read_text().rstrip().removesuffix("}") + trusted)
    before = host.served(OTHER)
    result = host.lab.do("remove", host.task())

    assert result["outcome"] == "removed", result
    assert "the files are kept" in result["detail"]
    assert (host.lab.target / "current" / "privkey.pem").exists()
    assert host.served(OTHER) == before


def test_without_a_disabler_nothing_is_touched(host):
    """The answer says which property is missing and why the files are not simply deleted."""
    before = host.served()
    result = host.lab.do("remove", host.task())

    assert (result["outcome"], result["stage"], result["rolled_back"]) == ("failed", "refused", False)
    assert "agent.properties of this host defines no disabler.web" in result["detail"]
    assert "would stop every site" in result["detail"]
    assert result["served_now"] == host.served() == before


@pytest.mark.parametrize(
    ("lines", "changes", "words"),
    [
        ({"allow__kinds": "make-key,install"}, {}, "does not allow remove"),
        ({}, {"fingerprint": "0" * 64}, "another certificate is installed there"),
    ],
)
def test_what_the_host_does_not_permit_is_refused(host, lines, changes, words):
    """A kind that is not allowed, a certificate that is not there any more: served on, and the answer says why."""
    host.permit(**lines)
    before = host.served()
    result = host.lab.do("remove", host.task(**changes))

    assert (result["outcome"], result["stage"]) == ("failed", "refused")
    assert words in result["detail"]
    assert host.served() == before


def test_refusals_are_no_failures(host):
    """A host that permits no removal answers many of them and does not fall into safe mode."""
    for _ in range(6):
        host.lab.do("remove", host.task())

    assert host.lab.once() is None


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        ({"disabler__web": "exec:/bin/false"}, "disable"),
        ({"validator__web": "exec:/bin/false"}, "validate"),
        ({"reloader__web": "exec:/bin/false"}, "reload"),
        ({"reloader__web": "exec:/bin/true", "probe__seconds": "1"}, "probe"),
    ],
)
def test_a_removal_that_fails_leads_back(host, lines, stage):
    """Whatever fails, the site is enabled again and proven to be served as before."""
    host.permit(**lines)
    before = host.served()
    result = host.lab.do("remove", host.task())

    assert (result["outcome"], result["stage"], result["rolled_back"]) == ("failed", stage, True), result
    assert result["served_now"] == host.served() == before
    assert (host.server.prefix / "sites-enabled" / f"{NAME}.conf").is_symlink()


def test_without_an_enabler_the_alarm_names_it(host):
    """A site that stays disabled because nothing here enables it is said to be so."""
    host.permit()
    del host.lab.lines["enabler.web"]
    host.lab.allow(validator__web="exec:/bin/false", probe__seconds="1")
    result = host.lab.do("remove", host.task())

    assert (result["stage"], result["rolled_back"]) == ("validate", False)
    assert "ALARM" in result["detail"]
    assert "enabler.web" in result["detail"]


@pytest.mark.parametrize("step", [*FORWARD, "unlinked", "deleted"])
def test_killed_on_the_way(host, step):
    """Killed after any step the next start ends the removal once; the other site is never touched."""
    host.permit(removed__files="delete")
    before = host.served(OTHER)
    task_id = host.lab.backend.add("remove", host.task())
    killed = command_line(host.lab.config, "once", at=step)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert host.served(OTHER) == before
    assert command_line(host.lab.config, "once").returncode == 0
    assert host.lab.backend.result(task_id)["outcome"] == "removed"
    assert {host.served(), host.served(OTHER)} == {before}
    assert list(host.lab.target.iterdir()) == []


@pytest.mark.parametrize("step", BACK)
def test_killed_on_the_way_back(host, step):
    """Killed while going back, the next start goes back to the end and reports the failure once."""
    host.permit(validator__web="exec:/bin/false")
    before = host.served()
    task_id = host.lab.backend.add("remove", host.task())
    killed = command_line(host.lab.config, "once", at=step)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert command_line(host.lab.config, "once").returncode == 0
    result = host.lab.backend.result(task_id)
    assert (result["stage"], result["rolled_back"]) == ("validate", True), result
    assert host.served() == before


@pytest.mark.parametrize("step", ["disable done", "reload done"])
def test_stopped_on_the_way(host, step):
    """A stop leads back first and reports nothing; the removal is done at the next start."""
    host.permit()
    before = host.served()
    task_id = host.lab.backend.add("remove", host.task())
    stopped = command_line(host.lab.config, "run", at=step, by=signal.SIGTERM)

    assert stopped.returncode == 0, stopped.stderr
    assert task_id not in host.lab.backend.results
    eventually(lambda: host.served() == before, "the last of nginx's former workers to end")
    assert command_line(host.lab.config, "once").returncode == 0
    assert host.lab.backend.result(task_id)["outcome"] == "removed"
