"""From signing in to proof, as people do it at a terminal, against a real backend over TLS."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from cryptography import x509

from tests.support.running_backend import choose
from tests.support.sources import ROOT

pytestmark = pytest.mark.usefixtures("furnished")
SHOP = ("--team", "shop", "--profile", "cli-web")


def test_a_session_is_kept_for_its_owner_only(person):
    """Signing in leaves one file, mode 0600, and whoami knows the person from it."""
    anna = person("dev-anna")
    file = anna.folder / "session.json"

    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert "Anna (team shop)" in anna("whoami").stdout
    me = anna.json("whoami")
    assert ["ROLE_DEVOPS"] == [held["role"] for held in me["roles"]]


def test_a_certificate_for_an_own_csr(person, csr, tmp_path):
    """A conforming request is issued in the call; certificate and chain are written and verify one another."""
    anna, out = person("dev-anna"), tmp_path / "out"
    answer = anna.json("request", *SHOP, "--csr", str(csr("a.shop.test")), "--days", "7", "--out", str(out))

    assert "fulfilled" == answer["state"]
    leaf, issuer = x509.load_pem_x509_certificates((out / "fullchain.pem").read_bytes())
    leaf.verify_directly_issued_by(issuer)
    assert f"{leaf.serial_number:x}" == answer["serial"]
    again = anna("request", *SHOP, "--csr", str(csr("a.shop.test")), "--out", str(out), expect=2)
    assert "is not overwritten" in again.stderr


def test_what_was_issued_is_found_again(person, csr):
    """A certificate is listed by name, and shown by id, serial and fingerprint, for its team only."""
    anna = person("dev-anna")
    answer = anna.json("request", *SHOP, "--csr", str(csr("found.shop.test")))
    certificate_id = answer["certificate_id"]
    der = ssl.PEM_cert_to_DER_cert(answer["certificate"])

    assert certificate_id in anna("list", "--name", "found.shop.test", "--team", "shop", "--expiring", "40").stdout
    for known in (certificate_id, answer["serial"], hashlib.sha256(der).hexdigest()):
        assert "found.shop.test" in anna("show", known).stdout
    assert answer["certificate"] in anna("show", certificate_id, "--chain").stdout
    refused = person("dev-ben")("show", certificate_id, expect=1)
    assert "there is no such object" in refused.stderr
    assert "correlation id" in refused.stderr


def test_four_eyes(person, csr, tmp_path):
    """A longer validity waits (exit 5); another person approves exactly what is shown, and it is issued."""
    anna, olga = person("dev-anna"), person("sec-olga")
    command = ("request", *SHOP, "--csr", str(csr("long.shop.test")), "--days", "60", "--idempotency-key", "four-eyes")
    wish = anna(*command, "--json", expect=5)
    order_id = json.loads(wish.stdout)["order_id"]

    assert "waits for people's approval" in wish.stderr
    assert "longer validity" in wish.stderr
    assert order_id in olga("orders", "--waiting").stdout
    assert 1 == anna("approve", order_id, "--yes", expect=1).exit_code
    seen = olga("approve", order_id, typed="y\n").stdout
    for shown in ("long.shop.test", "60 d (5184000 s)", "shop", "SHA-256 of the request", "Anna (team shop) · p-"):
        assert shown in seen
    repeated = anna(*command, "--out", str(tmp_path / "out"))
    assert "fulfilled" in repeated.stdout
    assert (tmp_path / "out" / "fullchain.pem").read_text() == anna("show", order_id, "--chain").stdout
    assert "fulfilled" == anna.json("show", order_id)["object"]["state"]


def test_a_reader_declines(person, csr):
    """Whoever does not say yes approves nothing; a rejection needs a reason, which the history shows."""
    anna, olga = person("dev-anna"), person("sec-olga")
    wish = anna.json("request", *SHOP, "--csr", str(csr("no.shop.test")), "--days", "61", expect=5)
    order_id = wish["order_id"]
    olga("approve", order_id, typed="n\n", expect=1)

    assert "waiting" == anna.json("show", order_id)["object"]["state"]
    olga("reject", order_id, expect=2)
    olga("reject", order_id, "--reason", "the name belongs to another service")
    past = {each["topic"]: each["reason"] for each in olga.json("show", order_id)["history"]}
    assert "the name belongs to another service" == past["sslclm.order.rejected.v1"]


def test_looking_is_no_offence(person, csr):
    """Whoever may not read audit data is not shown it, and is not on record as refused for a mere look."""
    anna, olga = person("dev-anna"), person("sec-olga")
    order_id = anna.json("request", *SHOP, "--csr", str(csr("look.shop.test")))["order_id"]
    asked = ("audit", "search", "--topic", "sslclm.access.refused", "--actor", anna.json("whoami")["pseudonym"])
    before = olga.json(*asked)["items"]

    assert None is anna.json("show", order_id)["history"]
    assert before == olga.json(*asked)["items"]


def test_a_repeated_command_changes_nothing_twice(person, csr):
    """The same idempotency key gives the same order."""
    anna, file = person("dev-anna"), str(csr("once.shop.test"))
    first, second = (anna.json("request", *SHOP, "--csr", file, "--idempotency-key", "build-1") for _ in range(2))

    assert first["order_id"] == second["order_id"]


def test_a_host_gets_its_token_once(person):
    """A host is registered, gets a token on standard output alone, takes an order, and is disabled."""
    anna = person("dev-anna")
    anna("hosts", "add", "web1.shop.test", "--team", "shop")
    token = anna("hosts", "token", "web1.shop.test")

    assert token.stdout.startswith("sslclm-bt1.")
    assert 1 == len(token.stdout.splitlines())
    place = ("--host", "web1.shop.test", "--directory", "/etc/tls/www", "--endpoint", "127.0.0.1:443/www.shop.test")
    order = anna.json("request", "www.shop.test", *SHOP, *place, expect=5)
    shown = anna("show", order["order_id"]).stdout
    assert "web1.shop.test:/etc/tls/www" in shown
    anna("cancel", order["order_id"])
    anna("hosts", "disable", "web1.shop.test", "--reason", "replaced", "--yes")
    assert "disabled" in anna("hosts", "show", "web1.shop.test").stdout


@pytest.mark.parametrize(
    "command",
    [
        ("list",), ("orders", "--mine"), ("hosts", "list"), ("profiles", "list"), ("profiles", "show", "cli-web"),
        ("teams", "list"), ("grants", "list"), ("issuers",), ("deployments", "list"), ("audit", "search"),
        ("audit", "verify"), ("audit", "search", "--topic", "sslclm.team.", "--since", "2026-01-01T00:00:00+01:00"),
    ],
)  # fmt: skip
def test_every_view_speaks_to_people_and_machines(person, command):
    """Each view prints at most 100 columns for people, and exactly one JSON document for machines."""
    olga = person("sec-olga")

    assert all(len(line) <= 100 for line in olga(*command).stdout.splitlines())
    assert isinstance(olga.json(*command), dict)


def test_an_export_is_proven_without_the_server(person, tmp_path):
    """The export is written once, readable by its owner only, and the offline verifier accepts it."""
    vera, file = person("vera"), tmp_path / "ledger.jsonl"
    vera("audit", "export", str(file))

    command = [sys.executable, "-m", "scripts.verify", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    vera("audit", "export", str(file), expect=2)


def test_a_pipeline_orders_as_itself(person, backend, csr):
    """A machine's own access token, granted a role for its team, orders a certificate; it approves nothing."""
    give = ("grants", "give", "ROLE_DEVOPS", "ci-shop", "--client", "--provider", "development", "--team", "shop")
    person("adam")(*give)
    token = {"SSLCLM_CLI_TOKEN": backend.machine_token("ci-shop")}
    wish = person("vera")("request", *SHOP, "--csr", str(csr("ci.shop.test")), "--json", env=token)

    order_id = json.loads(wish.stdout)["order_id"]
    assert "fulfilled" == json.loads(wish.stdout)["state"]
    assert "approve is for ROLE_SEC_OPS" in person("vera")("approve", order_id, "--yes", env=token, expect=1).stderr


def test_signing_in_with_a_browser_elsewhere(backend, tmp_path):
    """A real process prints the address on standard error, and is signed in once a browser has been there."""
    ca = tmp_path / "ca.pem"
    ca.write_text(backend.ca_pem)
    environment = environment_of({}, tmp_path)
    command = [sys.executable, "-m", "scripts.sslclm", "login", "--no-browser", "--json", "--server", backend.url]
    with subprocess.Popen(
        [*command, "--ca-file", str(ca)], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert b"Open this address:" in process.stderr.readline()
        url = process.stderr.readline().decode().strip()
        with backend.client() as browser:
            back = choose(browser, url, "vera")
        assert 200 == httpx2.get(back, trust_env=False, timeout=10).status_code
        told = json.loads(process.stdout.read())
    assert (0, backend.url) == (process.returncode, told["server"])
    assert 0o600 == stat.S_IMODE((tmp_path / "config" / "sslclm" / "session.json").stat().st_mode)


def environment_of(told: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of a real ``sslclm`` whose configuration lies in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SSLCLM_")}
    ours = {f"SSLCLM_CLI_{name}": value for name, value in told.items()}
    return clean | ours | {"XDG_CONFIG_HOME": str(folder / "config"), "PYTHONPATH": str(ROOT)}


def test_a_pipeline_needs_no_file(backend, tmp_path):
    """Token, server and root come from the environment of a real process, and nothing is left behind."""
    ca = tmp_path / "ca.pem"
    ca.write_text(backend.ca_pem)
    told = {"SERVER": backend.url, "TOKEN": backend.sign_in("dev-anna"), "CA_FILE": str(ca)}
    environment = environment_of(told, tmp_path)
    command = [sys.executable, "-m", "scripts.sslclm", "whoami", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert "Anna (team shop)" == json.loads(done.stdout)["display_name"], done.stderr
    assert not (tmp_path / "config").exists()
