"""An auditor's question at a terminal, checked offline against an export; a server that lies is found out."""

from __future__ import annotations

import gzip
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from scripts.row_proofs import check_rows
from tests.support.csrs import make_csr

SHOP = ("--team", "shop", "--profile", "cli-web")


@pytest.fixture(scope="module")
def answered(person, furnished, tmp_path_factory):
    """Return a certificate's id, the answer about it, and an export that was made after it."""
    anna, vera, folder = person("dev-anna"), person("vera"), tmp_path_factory.mktemp("export")
    request = make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("who.shop.test"))
    (folder / "who.csr").write_bytes(x509.load_der_x509_csr(request).public_bytes(Encoding.PEM))
    made = anna.json("request", *SHOP, "--csr", str(folder / "who.csr"))["certificate_id"]
    anna("revoke", made, "--revocation-reason", "superseded", "--reason", "moved")
    person("dev-ben")("show", made, expect=1)
    found = vera.json("who-accessed", made)
    export = folder / "ledger.jsonl"
    vera("audit", "export", str(export))
    return made, found, export


def test_a_person_reads_who_it_was(person, answered):
    """The table names people, roles, rules and reasons."""
    made, found, _ = answered
    shown = person("vera")("who-accessed", made).stdout

    for told in (
        "Anna (team shop)",
        "certificate revoked",
        "moved",
        "CA key signs a certificate",
        "approved by policy",
    ):
        assert told in shown.replace("\n", " ") or told.split()[0] in shown
    assert {"request", "decision", "made", "signing", "revocation", "refused"} <= {
        one["access"] for one in found["items"]
    }


def test_an_honest_answer_holds(answered):
    """Every row is in the export, with its hashes, and none was left out."""
    _, found, export = answered

    assert check_rows(export, found, complete=True) == {
        "holds": True, "checked": len(found["items"]), "newer": 0, "complete": True, "message": "",
        "damaged_at": None,
    }  # fmt: skip


@pytest.mark.parametrize("member", ["actor", "role", "at", "topic", "entry_hash", "leaf_hash", "access"])
def test_a_changed_row_is_found(answered, member):
    """Whatever a server tells otherwise than the ledger does not hold."""
    _, found, export = answered
    row = {**found["items"][1], member: "0" * 64}
    changed = {**found, "items": [found["items"][0], row, *found["items"][2:]]}
    verdict = check_rows(export, changed, complete=True)

    assert not verdict["holds"]
    assert f"position {row['position']}" in verdict["message"]


def test_left_out_and_invented_rows_are_found(answered):
    """A row less is found, and so is one that concerns something else; what is newer is counted apart."""
    _, found, export = answered
    less = check_rows(export, {**found, "items": found["items"][1:]}, complete=True)
    moved = [{**found["items"][0], "position": 1}, *found["items"][1:]]
    later = [{**found["items"][0], "position": 10**9}, *found["items"]]

    assert "was left out" in less["message"]
    assert not check_rows(export, {**found, "items": moved}, complete=True)["holds"]
    assert check_rows(export, {**found, "items": later}, complete=False)["newer"] == 1


def test_an_export_that_was_changed_proves_nothing(answered, tmp_path):
    """The export is verified on the way; compressed it is read as well."""
    _, found, export = answered
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(export.read_bytes()))
    lines = export.read_text().splitlines(keepends=True)
    bad = json.loads(lines[2])
    bad["recorded_at_us"] += 1
    lines[2] = json.dumps(bad) + "\n"
    changed = tmp_path / "changed.jsonl"
    changed.write_text("".join(lines))

    assert check_rows(packed, found, complete=True)["holds"]
    verdict = check_rows(changed, found, complete=True)
    assert (verdict["holds"], verdict["damaged_at"]) == (False, json.loads(lines[2])["first_position"])


def test_a_damaged_export_is_not_the_servers_fault(person, answered, tmp_path):
    """The command ends as tampering does, names the file and the position, and sends to the verifier."""
    made, _, export = answered
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(export.read_text().splitlines(keepends=True)[:-1]))
    told = person("vera")("who-accessed", made, "--verify", str(cut), expect=1).output

    assert f"{cut} itself does not hold (position " in " ".join(told.split())
    assert f"run sslclm-verify {cut}, and export anew" in " ".join(told.split())
