"""A test CA with a certificate for localhost, and messages to deliver."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from commands.notices.notice import Audience, Notice, Severity
from commands.ports.notices import Digest
from tests.support.pki import make_ca, make_leaf

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def authority():
    """The CA that is believed."""
    return make_ca("Receivers CA")


@pytest.fixture(scope="session")
def certificate(authority, tmp_path_factory):
    """Files of a certificate for localhost, and its key."""
    return make_leaf(authority).write(tmp_path_factory.mktemp("receiver"), "receiver")


@pytest.fixture
def bundle(authority, tmp_path):
    """The CA's certificate in a file."""
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return path


@pytest.fixture
def digest():
    """A message to the operators."""
    return Digest("message-1", "mail", "operators", NOW, "waiting", 0, NOW, "", 1)


@pytest.fixture
def notice():
    """Return the function that makes notices."""

    def make(sentence="The agent of web1.shop.test is silent.", **changes):
        told = {
            "notice_id": "notice-1",
            "position": 7,
            "at": NOW,
            "kind": "agent-offline",
            "severity": Severity.WARNING,
            "audience": (Audience.OWNER, Audience.SEC_OPS),
            "team_id": "team-1",
            "object_id": "host-1",
            "sentence": sentence,
            "todo": "See that it runs.",
            "command": "sslclm hosts show host-1",
        }
        return Notice(**{**told, **changes})

    return make
