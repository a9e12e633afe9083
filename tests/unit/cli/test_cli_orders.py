"""Orders: exit codes of waiting, what an approval binds, files that are never overwritten."""

from __future__ import annotations

import json

import httpx2
import pytest

from api.cli.outcome import REASONS
from commands.certificates.replacing import OWNER_RULE
from domain.profiles.policy import RULES

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
CHAIN = PEM.format("AAAA") + PEM.format("BBBB")
CERTIFICATE = "certificate-00000000-0000-4000-8000-000000000001"
HOST = "host-00000000-0000-4000-8000-000000000001"
ISSUED = {"certificate_id": CERTIFICATE, "serial": "5b", "not_after": "2027-01-01T00:00:00Z"}
TARGET = {
    "host_id": "host-1",
    "spec": {
        "kind": "nginx", "layout": "separate", "directory": "/etc/tls", "owner": "www", "group": "",
        "mode": "0640", "validator": "check", "reloader": "reload",
        "endpoints": [{"address": "10.0.0.5", "port": 443, "server_name": "www.shop.test"}],
    },
}  # fmt: skip


@pytest.fixture
def ordering(fake, order, tmp_path):
    """Return a caller of ``sslclm request`` at a server whose order goes through the given states."""
    (tmp_path / "a.csr").write_text("-----BEGIN CERTIFICATE REQUEST-----")
    given = ("--team", order["team_id"], "--profile", order["profile_id"], "--csr", str(tmp_path / "a.csr"))

    def call(*arguments: str, states: tuple[str, ...], **more):
        row = {**order, **more.pop("row", {})}
        later = [httpx2.Response(200, json={**row, "state": one}) for one in states[1:] or states]
        fake.answers["GET", f"/orders/{order['order_id']}"] = later
        fake.has("/orders", method="POST", order_id=order["order_id"], state=states[0])
        return fake("request", *given, *arguments, **more)

    return call


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"state": "waiting", "waived_rules": ["validity-maximum"]}, ("longer validity", "ROLE_SEC_OPS", "--chain >")),
        ({"state": "approved", "targets": [TARGET]}, ("its hosts", "follow it: sslclm show order-")),
    ],
)
def test_accepted_is_not_issued(ordering, row, words):
    """Without --wait an order that is not issued yet is exit code 5: why, who decides, what to do afterwards."""
    shown = ordering("--json", states=(row["state"],), row=row, expect=5)

    assert row["state"] == json.loads(shown.stdout)["state"]
    assert [] == [one for one in words if one not in shown.stderr]


def test_every_rule_that_people_waive_has_a_sentence():
    """Whoever waits is told why in words, whichever rule it is."""
    assert {rule.name for rule in RULES if rule.waivable} | {OWNER_RULE} == set(REASONS)


def test_a_repeat_looks_at_the_order_as_it_is_now(fake, ordering, tmp_path):
    """A command that is repeated with its key after the approval writes the files, and does not say waiting."""
    fake.answers["GET", f"/certificates/{CERTIFICATE}/chain"] = httpx2.Response(200, text=CHAIN)
    fake.has(f"/certificates/{CERTIFICATE}", **ISSUED)
    row = {"certificates": {"": CERTIFICATE}}
    again = ("--idempotency-key", "build-1", "--out", str(tmp_path / "out"))
    shown = ordering(*again, states=("waiting", "fulfilled"), row=row, expect=0)

    assert "waiting" not in shown.output
    assert "5b" in shown.stdout
    assert CHAIN == (tmp_path / "out" / "fullchain.pem").read_text()


def test_an_order_that_ended_otherwise_is_not_waiting(ordering):
    """A repeat of what was rejected meanwhile is refused."""
    ordering(states=("waiting", "rejected"), expect=1)


def test_what_hosts_serve_is_told_at_the_end(fake, ordering, order):
    """With --wait an order for hosts ends with serial, expiry and what is served where."""
    fake.has(f"/certificates/{CERTIFICATE}", **ISSUED)
    row = {"certificates": {"host-1": CERTIFICATE}, "targets": [TARGET]}
    shown = ordering("--wait", states=("approved", "fulfilled"), row=row, expect=0)

    words = ("host-1: serial 5b, expires 2027-01-01", "www.shop.test at 10.0.0.5:443, from host-1:/etc/tls")
    assert [] == [one for one in words if one not in " ".join(shown.stdout.split())]


def test_the_chain_of_an_order(fake, order):
    """What an order for a CSR came to is fetched by the order's id; before that it is refused with the state."""
    fake.answers["GET", f"/certificates/{CERTIFICATE}/chain"] = httpx2.Response(200, text=CHAIN)
    fake.has(f"/orders/{order['order_id']}", **order | {"certificates": {"": CERTIFICATE}})
    shown = fake("show", order["order_id"], "--chain", expect=0)
    fake.has(f"/orders/{order['order_id']}", **order)

    assert CHAIN == shown.stdout
    assert "it is waiting" in fake("show", order["order_id"], "--chain", expect=1).stderr


def test_nothing_is_ordered_for_a_folder_that_cannot_be(fake, ordering, tmp_path):
    """Exit code 2 promises that nothing was ordered: the folder for the files is looked at before."""
    (tmp_path / "file").write_text("")
    ordering("--out", str(tmp_path / "file" / "out"), states=("fulfilled",), expect=2)

    assert [] == fake.sent("POST", "/orders")


def test_a_refused_member_is_told_as_its_option(fake, ordering, order):
    """Who typed an option is not told the name of a member of some JSON."""
    fake.refuses("POST", "/orders", 422, "key_algorithm: must be 'EC-P256' or 'RSA-3072'")
    given = ("--team", order["team_id"], "--profile", order["profile_id"], "www.shop.test")
    place = ("--host", HOST, "--directory", "/etc/tls")

    assert "--endpoint address:port/servername" in fake("request", *given, *place, expect=2).stderr
    refused = fake("request", *given, *place, "--endpoint", "10.0.0.5:443", "--key-algorithm", "EC", expect=1)
    assert "sslclm: --key-algorithm: must be 'EC-P256'" in refused.stderr


def test_waiting_for_the_certificate(fake, ordering):
    """With --wait the order is looked at again and again until it is issued."""
    shown = ordering("--wait", states=("waiting", "waiting", "approved", "fulfilled"), expect=0)

    assert [2.0, 2.0] == fake.pauses
    assert "fulfilled" in shown.stdout


def test_waiting_has_an_end(fake, ordering):
    """After the time that was given it is exit code 5, with where to look."""
    shown = ordering("--wait", "--timeout", "5", states=("waiting",) * 9, expect=5)

    assert 4.0 == sum(fake.pauses)
    assert "sslclm show order-" in shown.stderr


@pytest.mark.parametrize(
    ("state", "row"),
    [
        ("rejected", {}), ("cancelled", {}), ("abandoned", {}),
        ("approved", {"deployments": {"deployment-1": "failed"}}),
        ("approved", {"refused_rules": {"host-1": "key-strength"}}),
    ],
)  # fmt: skip
def test_what_never_comes_is_not_waited_for(ordering, state, row):
    """An order that ended otherwise, or failed on its host, is exit code 1 at once; the document still comes."""
    shown = ordering("--wait", "--json", states=("waiting", state), row=row, expect=1)

    assert "order_id" in json.loads(shown.stdout)


def test_files_of_a_certificate(fake, ordering, order, tmp_path):
    """Certificate and chain are written apart and together, and never over something else."""
    fake.answers["GET", f"/certificates/{CERTIFICATE}/chain"] = httpx2.Response(200, text=CHAIN)
    out = tmp_path / "out"
    fake.has(f"/certificates/{CERTIFICATE}", **ISSUED)
    row = {"certificates": {"": CERTIFICATE}}
    ordering("--wait", "--out", str(out), states=("waiting", "fulfilled"), row=row, expect=0)

    texts = {one.name: one.read_text() for one in out.iterdir()}
    assert {"cert.pem": PEM.format("AAAA"), "chain.pem": PEM.format("BBBB"), "fullchain.pem": CHAIN} == texts
    ordering("--out", str(out), states=("fulfilled",), expect=2)
    assert 1 == len(fake.sent("POST", "/orders"))


def test_an_approval_is_bound_to_what_was_shown(fake, order):
    """The hash that is sent is that of the order as it was shown, and everything it binds is shown."""
    order["targets"] = [TARGET]
    path = f"/orders/{order['order_id']}"
    fake.has(path, **order)
    fake.has(f"{path}/approve", method="POST", order_id=order["order_id"], state="approved")
    shown = fake("approve", order["order_id"], input="y\n", expect=0)

    assert {"request_sha256": order["request_sha256"]} == fake.body(f"{path}/approve")
    assert "Anna (team shop) · p-2" in shown.stdout
    words = (
        "Anna (team shop) · p-2",
        "www.shop.test",
        "60 d",
        "host-1:/etc/tls",
        "owner www",
        "reloader reload",
        "10.0.0.5:443",
        "version 3",
    )
    assert [] == [one for one in words if one not in " ".join(shown.stdout.split())]


def test_nobody_approves_or_disables_by_accident(fake, order):
    """Every answer but yes, no answer among them, does nothing and says so."""
    fake.has(f"/orders/{order['order_id']}", **order)
    for command in (("approve", order["order_id"]), ("hosts", "disable", HOST)):
        for typed in ("n\n", ""):
            assert "Nothing was done." in fake(*command, input=typed, expect=1).stderr
    fake("hosts", "disable", HOST, "--json", expect=2)

    assert [] == [one for one in fake.asked if one.method == "POST"]


def test_machines_approve_only_when_told(fake, order):
    """With --json nobody can be asked, so --yes is needed."""
    fake("approve", order["order_id"], "--json", expect=2)

    assert [] == fake.asked


def test_who_is_not_an_auditor_does_not_ask_for_history(fake, order):
    """A look at an object sends no question that would be recorded as a refusal."""
    fake.has("/me", roles=[{"role": "ROLE_DEVOPS", "team_id": order["team_id"]}])
    fake.has(f"/orders/{order['order_id']}", **order)
    fake("show", order["order_id"], expect=0)

    assert [] == [one for one in fake.asked if "/audit/" in one.url.path]
