"""Targets that the agent would refuse only after a certificate was issued for them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from api.agent.tasks import told_target
from domain.hosts.targets import TargetSpec
from sslclm_agent.tasks.parameters import Target

PLAIN = {
    "kind": "nginx",
    "directory": "/srv/tls/www",
    "layout": "separate",
    "owner": "",
    "group": "",
    "mode": "0640",
    "validator": "",
    "reloader": "",
    "endpoints": [{"address": "127.0.0.1", "port": 443, "server_name": "www.shop.test"}],
}


def at(**changes):
    """Return a target with another endpoint."""
    return PLAIN | {"endpoints": [{"address": "127.0.0.1", "port": 443, "server_name": "www.shop.test"} | changes]}


@pytest.mark.parametrize("mode", ["0400", "0440", "0600", "0640"])
def test_what_the_backend_takes_the_agent_takes(mode):
    """The two read the same target."""
    told = PLAIN | {"mode": mode}

    stored = TargetSpec.model_validate(told).model_dump(mode="json")

    assert Target.read(told_target(stored)).directory == told["directory"]


@pytest.mark.parametrize(
    "told",
    [
        *[PLAIN | {"mode": mode} for mode in ("0660", "0460", "0777", "4755", "0644", "640", "0640\n")],
        *[at(address=text) for text in ("", "a b", "h/x", "\x1b[31m", "a\n", "\N{ZERO WIDTH SPACE}", "a" * 256)],
        *[at(server_name=text) for text in ("", "a b", "x:443/y", "\0", "wwẃ.test", "a" * 254)],
        *[PLAIN | {"directory": text} for text in ("/", "//etc", "/etc/", "/a/../b", "/a/./b", "etc", "/a b", "/a\n")],
        PLAIN | {"owner": "root;id"},
        PLAIN | {"reloader": "../x"},
        PLAIN | {"endpoints": []},
    ],
)
def test_a_hostile_target_is_refused_at_the_order(told):
    """Nothing is issued for a target that no agent installs to."""
    with pytest.raises(ValidationError):
        TargetSpec.model_validate(told)
