"""A key from the order to the file, by the command line against a real backend with a real step-up."""

from __future__ import annotations

import json
import stat

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12


@pytest.fixture(scope="module")
def certificate_id(person, furnished, tmp_path_factory):
    """Return a certificate of team shop with a key of the key store."""
    assert furnished is None
    adam, anna = person("adam"), person("dev-anna")
    kinds = {row["kind"]: row["name"] for row in adam.json("issuers")["items"]}
    spec = {
        "name": "cli-box",
        "teams": ["shop"],
        "allowed_names": ["**.shop.test"],
        "max_validity": 86_400,
        "key_made": ["server"],
        "issuer_id": kinds["issuing"],
    }
    file = tmp_path_factory.mktemp("profile") / "box.json"
    file.write_text(json.dumps(spec))
    adam("profiles", "define", str(file))
    made = anna.json(
        "request",
        "box.shop.test",
        "--team",
        "shop",
        "--profile",
        "cli-box",
        "--server-key",
        "--wait",
        "--timeout",
        "60",
    )
    return made["certificate_id"]


def asked(person, certificate_id: str) -> str:
    """Let Olga ask and Omar approve; returns the reveal's id."""
    olga, omar = person("sec-olga"), person("sec-omar")
    reveal_id = olga.json("reveal", "request", certificate_id, "--reason", "the box takes keys by hand")["id"]
    read = omar("reveal", "approve", reveal_id, typed="y\n", env={"COLUMNS": "100"}).output.partition("Let them see")[0]
    assert [] == [words for words in ("box.shop.test", "shop", "the box takes keys by hand") if words not in read]
    return str(reveal_id)


def test_a_key_comes_into_a_file_and_nowhere_else(person, certificate_id, tmp_path):
    """The step-up is made on the way; the file is 0600, opens with the password, and the terminal shows no key."""
    reveal_id = asked(person, certificate_id)
    out, olga = tmp_path / "box.p12", person("sec-olga")
    shown = olga("reveal", "redeem", reveal_id, "--out", str(out)).output
    password = next(line.rpartition(" ")[2] for line in shown.splitlines() if "password" in line)
    content = load_pkcs12(out.read_bytes(), password.encode())

    assert content.key is not None
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "new sign-in with your second factor" in shown
    assert olga.json("keys", "list", "--certificate", certificate_id)["items"][0]["seen"] is True
    assert "used" in olga("reveal", "list", "--state", "used", env={"COLUMNS": "80"}).stdout
    assert "the box takes keys by hand" in olga("reveal", "show", reveal_id, env={"COLUMNS": "100"}).stdout
    again = olga("reveal", "redeem", reveal_id, "--out", str(tmp_path / "again.p12"), expect=1)
    assert "has been used" in again.output
    assert not (tmp_path / "again.p12").exists()


def test_machines_get_a_document_without_a_secret(person, certificate_id, tmp_path):
    """With --json the password goes into a file of its own, or nothing is asked for."""
    reveal_id = asked(person, certificate_id)
    out, secret, olga = tmp_path / "box.p12", tmp_path / "box.pass", person("sec-olga")
    command = ("reveal", "redeem", reveal_id, "--out", str(out))
    assert "--password-file" in olga(*command, "--json", expect=2).output
    told = olga.json(*command, "--password-file", str(secret))
    load_pkcs12(out.read_bytes(), secret.read_bytes().strip())

    assert set(told) == {"reveal_id", "certificate_id", "form", "revoked_at_latest", "file", "password_file"}
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_no_file_is_overwritten_and_the_reveal_is_not_used_up(person, certificate_id, tmp_path):
    """A file that is there, or a link, stops the command before the server is asked."""
    reveal_id = asked(person, certificate_id)
    out, olga = tmp_path / "there.p12", person("sec-olga")
    out.write_text("mine")
    (tmp_path / "link.p12").symlink_to(tmp_path / "elsewhere")
    for path in (out, tmp_path / "link.p12"):
        assert "is not overwritten" in olga("reveal", "redeem", reveal_id, "--out", str(path), expect=2).output

    assert out.read_text() == "mine"
    assert olga.json("reveal", "show", reveal_id)["state"] == "approved"
