"""Importing and ownership at a terminal: what is sent, what is told, and what a script learns."""

from __future__ import annotations

import base64
import json

import pytest

TEAM = "team-00000000-0000-4000-8000-000000000001"
CERTIFICATE = "certificate-00000000-0000-4000-8000-000000000001"
TAKEN = {
    "certificate_id": CERTIFICATE, "taken": True, "files": ["old.p12"], "fingerprint": "ab" * 32, "serial": "5b",
    "issuer_name": "CN=Elsewhere", "dns_names": ["www.old.test"], "ip_addresses": [], "names_left_out": 1,
    "not_after": "2027-01-01T00:00:00Z", "expired": False, "chain_length": 2, "key": "dropped", "bytes_kept": True,
    "rule": "", "why": "", "fix": "",
}  # fmt: skip
KNOWN = TAKEN | {"taken": False, "rule": "import-known", "why": "it is in the inventory already", "fix": "nothing"}
OWN = TAKEN | {"taken": False, "rule": "import-own", "why": "it names an authority of ours", "fix": "see: sslclm show"}
LEFT = {"file": "old.p12", "what": "a private key is locked", "rule": "import-locked", "fix": "give its password"}


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    """Let no line of a table be folded, however wide the terminal is that the tests run in."""
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def importing(fake, tmp_path):
    """Return a caller of ``sslclm import`` at a server with this answer."""
    (tmp_path / "old.p12").write_bytes(b"\x30\x00 bytes")
    (tmp_path / "secrets").write_text("first\nsecond \n")

    def call(*items, left=(), dry_run=False, arguments=(), **more):
        told = {"items": list(items), "left_out": list(left), "dry_run": dry_run, "position": 9}
        fake.has("/certificates/import", method="POST", **told)
        return fake("import", str(tmp_path / "old.p12"), "--team", TEAM, *arguments, **more)

    call.folder = tmp_path
    return call


def test_files_and_passwords_are_sent_and_never_shown(fake, importing):
    """Bytes in base64, one password a line, as they stand; none of them appears on the screen."""
    done = importing(TAKEN, arguments=("--password-file", str(importing.folder / "secrets")), expect=0)
    body = fake.body("/certificates/import")

    assert b"\x30\x00 bytes" == base64.b64decode(body["files"][0]["content"])
    assert ["old.p12", ["first", "second "], TEAM] == [body["files"][0]["name"], body["passwords"], body["team_id"]]
    assert "second" not in done.output
    for word in (CERTIFICATE, "www.old.test", "1 more that are", "chain of 2"):
        assert word in " ".join(done.stdout.split())


def test_a_password_can_come_from_standard_input(fake, importing):
    """So that a pipe can hand it over without a file."""
    importing(TAKEN, arguments=("--password-file", "-"), input="piped\n", expect=0)

    assert ["piped"] == fake.body("/certificates/import")["passwords"]


def test_what_was_found_and_not_taken_is_exit_code_1(importing):
    """A script notices; what is in the inventory already is no failure."""
    refused = importing(TAKEN, OWN, left=[LEFT], expect=1)
    assert "1 of 2 certificates were not taken" in refused.stderr
    assert "a private key is locked" in refused.stdout
    importing(KNOWN, expect=0)
    assert "no certificate to take" in importing(expect=1).stderr


def test_what_is_missing_is_told_in_words(importing):
    """No chain, and a key that is not kept: what that means, and what keeps it."""
    told = " ".join(importing(TAKEN | {"chain_length": 0}, expect=0).stdout.split())

    assert "no CA certificates in the file" in told
    assert "key not kept (name a --profile that allows it)" in told


def test_a_dry_run_says_would(fake, importing):
    """Nothing is claimed to be done that is not."""
    done = importing(TAKEN | {"certificate_id": None}, dry_run=True, arguments=("--dry-run",), expect=0)

    assert "would be taken" in done.stdout
    assert fake.body("/certificates/import")["dry_run"] is True


def test_json_is_one_document(importing):
    """The server's answer, also where something was refused."""
    done = importing(OWN, arguments=("--json",), expect=1)

    assert "import-own" == json.loads(done.stdout)["items"][0]["rule"]


def test_what_cannot_be_read_here_is_not_sent(fake, importing, tmp_path):
    """A missing file, one that is too large, a password file of bytes."""
    (tmp_path / "large").write_bytes(b"x" * 700_001)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    fake("import", str(tmp_path / "none"), "--team", TEAM, expect=2)
    fake("import", str(tmp_path / "large"), "--team", TEAM, expect=2)
    importing(TAKEN, arguments=("--password-file", str(tmp_path / "bytes")), expect=2)

    assert [] == fake.sent("POST", "/certificates/import")


def test_an_offer_names_the_team_as_it_was_given(fake):
    """A name goes as a name: whoever offers need not see the other team."""
    fake.has(f"/certificates/{CERTIFICATE}/transfer/offer", method="POST", id=CERTIFICATE, position=8)
    fake("transfer", "offer", CERTIFICATE, "--to", "Pay", expect=0)

    assert {"team": "pay", "reason": ""} == fake.body(f"/certificates/{CERTIFICATE}/transfer/offer")


def test_unowned_and_expiring_name_whom_to_write_to(fake):
    """Owner, contact, and what the owner lacks."""
    row = {"certificate_id": CERTIFICATE, "dns_names": ["www.old.test"], "ip_addresses": [], "team_id": TEAM}
    fake.has("/certificates", row | {"not_after": "2027-01-01T00:00:00Z"})
    fake.has("/teams", {"team_id": TEAM, "name": "shop", "contact": "", "grant_ids": []})
    lonely = fake("unowned", expect=0).stdout
    fake.has("/teams", {"team_id": TEAM, "name": "shop", "contact": "a@shop.test", "grant_ids": ["grant-1"]})
    fake.has("/renewals", {"certificate_id": CERTIFICATE, "state": "watched"})
    soon = fake("expiring", "--within", "2w", expect=0).stdout

    assert "no contact" in lonely
    assert "nobody holds it" in lonely
    assert "a@shop.test" in soon
    assert "by you" in soon
    [unowned, expiring] = fake.sent("GET", "/certificates")
    assert "true" == unowned.url.params["unowned"]
    assert "2026-12-07T12:00:00Z" == expiring.url.params["expiring_before"]
    fake("expiring", "--within", "soon", expect=2)


@pytest.mark.parametrize("columns", ["80", "160"])
def test_offers_are_told_by_names(fake, columns):
    """The other team is not one's own to look up, so the answer names it; who offers and until when stand there."""
    row = {
        "certificate_id": CERTIFICATE, "state": "open", "team_id": "team-1", "to_team_id": "team-2",
        "team_name": "shop", "to_team_name": "pay", "offered_by": "p-2", "offered_by_name": "Anna (team shop)",
        "dns_names": ["www.shop.test"], "ip_addresses": [], "valid_until": "2026-11-30T12:00:00Z",
    }  # fmt: skip
    fake.has("/transfers", row)
    shown = fake("transfer", "list", expect=0, env={"COLUMNS": columns}).stdout

    words = ("www.shop.test", CERTIFICATE, "from shop", "to pay", "by Anna (team shop)", "until 2026-11-30 12:00")
    assert [] == [one for one in words if one not in shown]


@pytest.mark.parametrize("command", ["list", "unowned"])
def test_an_agents_certificate_is_called_by_its_host(fake, command):
    """It has no DNS name of its own."""
    host = "host-00000000-0000-4000-8000-000000000001"
    fake.has("/hosts", {"host_id": host, "name": "web1.shop.test"})
    row = {"certificate_id": CERTIFICATE, "purpose": "agent", "host_id": host, "dns_names": [], "ip_addresses": []}
    fake.has("/certificates", {**row, "state": "issued", "team_id": "team-1", "not_after": "2026-11-30T12:00:00Z"})

    assert "agent of web1.shop.test" in fake(command, expect=0, env={"COLUMNS": "80"}).stdout
