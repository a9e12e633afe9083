"""Installing on a real nginx: what is served afterwards is looked at by a handshake of the test's own."""

from __future__ import annotations

import hashlib
import stat

import pytest

from tests.support.agent_lab import sha256_of
from tests.support.nginx import served_der


def served(nginx) -> str:
    return hashlib.sha256(served_der(nginx.port)).hexdigest()


@pytest.fixture
def parameters(lab, nginx):
    return lab.install_parameters([nginx.endpoint])


def test_a_certificate_is_installed_and_proven(lab, nginx, old, parameters):
    """The new pair is served, the old one is named, the key is private, and the evidence counts the handshakes."""
    result = lab.do("install", parameters)

    assert result["outcome"] == "served", result
    assert result["previous"] == sha256_of(old.pem)
    (evidence,) = result["evidence"]
    expected = {"endpoint": f"127.0.0.1:{nginx.port}/www.example.test", "sha256": parameters["fingerprint"]}
    assert evidence == {**expected, "tls": "TLSv1.3", "hits": 3}
    assert served(nginx) == parameters["fingerprint"]
    key = lab.target / "current" / "privkey.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_foreign_key_touches_nothing(lab, nginx, old, parameters):
    """A certificate for another key is refused before anything is written."""
    other = lab.install_parameters([nginx.endpoint])
    result = lab.do("install", {**other, "order_id": parameters["order_id"]})

    assert (result["outcome"], result["stage"]) == ("failed", "check")
    assert "another key" in result["detail"]
    assert result["served_now"] == served(nginx) == sha256_of(old.pem)
    assert lab.current() == "v0001-00000000"


@pytest.mark.parametrize(("what", "stage"), [("validator", "validate"), ("reloader", "reload")])
def test_a_command_that_fails_leads_back(lab, nginx, old, parameters, what, stage):
    """When the validator or the reloader says no, the old pair is in place and served again."""
    lab.allow(**{f"{what}__web": "exec:/bin/false"})
    result = lab.do("install", parameters)

    assert (result["outcome"], result["stage"], result["rolled_back"]) == ("failed", stage, True), result
    assert result["served_now"] == served(nginx) == sha256_of(old.pem)
    assert lab.current() == "v0001-00000000"
    assert [path.name for path in lab.target.iterdir() if path.is_dir() and not path.is_symlink()] == ["v0001-00000000"]


def test_a_probe_that_fails_leads_back(lab, nginx, old, parameters):
    """A reloader that reloads nothing is found by the handshake, and the old pair is proven to be served."""
    lab.allow(reloader__web="exec:/bin/true", probe__seconds="1")
    result = lab.do("install", parameters)

    assert (result["outcome"], result["stage"], result["rolled_back"]) == ("failed", "probe", True), result
    assert [each["hits"] for each in result["evidence"]] == [3]
    assert result["served_now"] == served(nginx) == sha256_of(old.pem)
