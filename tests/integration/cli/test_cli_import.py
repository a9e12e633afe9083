"""A keystore of an old server comes into the inventory at the command line, and changes its owner there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.foreign import PASSWORD, issuing, leaf, root
from tests.support.real import real_part

pytestmark = pytest.mark.usefixtures("furnished")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a JKS store that the real keytool made, with key and chain."""
    keytool = real_part("keytool", "apt-get install default-jre-headless")
    (tmp_path / "old.p12").write_bytes(leaf("legacy.shop.test").p12(issuing(), root()))
    made = tmp_path / "old.jks"
    source = ("-srckeystore", str(tmp_path / "old.p12"), "-srcstoretype", "PKCS12", "-srcstorepass", PASSWORD)
    target = ("-destkeystore", str(made), "-deststoretype", "JKS", "-deststorepass", PASSWORD, "-noprompt")
    subprocess.run([keytool, "-importkeystore", *source, *target], check=True, capture_output=True, timeout=120)
    return made


def test_from_a_java_key_store_to_another_team(person, store, tmp_path):
    """Looked at, imported, listed, shown with its chain, offered, taken over; the former owner has nothing left."""
    anna, ben = person("dev-anna"), person("dev-ben")
    secrets = tmp_path / "passwords"
    secrets.write_text(f"wrong\n{PASSWORD}\n")
    given = (str(store), "--team", "shop", "--password-file", str(secrets))
    looked = anna("import", *given, "--dry-run")
    assert "would be taken" in looked.stdout
    assert PASSWORD not in looked.output

    [item] = anna.json("import", *given)["items"]
    certificate_id = item["certificate_id"]
    assert (True, 2, "dropped") == (item["taken"], item["chain_length"], item["key"])
    assert "import-known" == anna.json("import", *given)["items"][0]["rule"]
    assert certificate_id in anna("list", "--name", "legacy.shop.test").stdout
    card = anna("show", certificate_id).stdout
    assert "CN=Foreign Issuing" in card
    assert 2 == anna("show", certificate_id, "--chain").stdout.count("BEGIN CERTIFICATE")
    assert certificate_id in anna("unowned").stdout
    anna("teams", "contact", "shop", "certificates@shop.test")
    assert certificate_id not in anna("unowned").stdout
    assert "certificates@shop.test" in anna("expiring", "--within", "500d", env={"COLUMNS": "160"}).stdout

    anna("transfer", "offer", certificate_id, "--to", "pay")
    offered = ben("transfer", "list").stdout
    assert [] == [words for words in (certificate_id, "from shop", "to pay") if words not in offered]
    ben("transfer", "accept", certificate_id)
    assert "No certificates" in anna("list", "--name", "legacy.shop.test").stdout
    assert certificate_id in ben("list", "--name", "legacy.shop.test").stdout


def test_what_is_not_taken_is_exit_code_1(person, tmp_path):
    """Nothing in it, with why; a script sees it by the code."""
    (tmp_path / "notes.txt").write_text("no certificate here")
    told = person("dev-anna")("import", str(tmp_path / "notes.txt"), "--team", "shop", "--json", expect=1)

    assert ["import-kind"] == [one["rule"] for one in json.loads(told.stdout)["left_out"]]
