"""Orders: exit codes of waiting, what an approval binds, files that are never overwritten."""

from __future__ import annotations

import json

import httpx2
import pytest

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
CHAIN = PEM.format("AAAA") + PEM.format("BBBB")
CERTIFICATE = "certificate-00000000-0000-4000-8000-000000000001"


@pytest.fixture
def ordering(fake, order, tmp_path):
    """Return a caller of ``sslclm request`` at a server whose order goes through the given states."""
    (tmp_path / "a.csr").write_text("-----BEGIN CERTIFICATE REQUEST-----")
    given = ("--team", order["team_id"], "--profile", order["profile_id"], "--csr", str(tmp_path / "a.csr"))

    def call(*arguments: str, states: tuple[str, ...], **more):
        later = [httpx2.Response(200, json={**order, "state": one, **more.pop("row", {})}) for one in states[1:]]
        fake.answers["GET", f"/orders/{order['order_id']}"] = later
        fake.has("/orders", method="POST", order_id=order["order_id"], state=states[0])
        return fake("request", *given, *arguments, **more)

    return call


@pytest.mark.parametrize(("state", "words"), [("waiting", "people's approval"), ("approved", "its hosts")])
def test_accepted_is_not_issued(ordering, state, words):
    """Without --wait an order that is not issued yet is exit code 5, after the document."""
    shown = ordering("--json", states=(state,), expect=5)

    assert state == json.loads(shown.stdout)["state"]
    assert words in shown.stderr


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
    row = {"certificates": {"": CERTIFICATE}}
    ordering("--wait", "--out", str(out), states=("waiting", "fulfilled"), row=row, expect=0)

    texts = {one.name: one.read_text() for one in out.iterdir()}
    assert {"cert.pem": PEM.format("AAAA"), "chain.pem": PEM.format("BBBB"), "fullchain.pem": CHAIN} == texts
    ordering("--out", str(out), states=("fulfilled",), expect=2)
    assert 1 == len(fake.sent("POST", "/orders"))


def test_an_approval_is_bound_to_what_was_shown(fake, order):
    """The hash that is sent is that of the order as it was shown, and everything it binds is shown."""
    order["targets"] = [
        {
            "host_id": "host-1",
            "spec": {
                "kind": "nginx", "layout": "separate", "directory": "/etc/tls", "owner": "www", "group": "",
                "mode": "0640", "validator": "check", "reloader": "reload",
                "endpoints": [{"address": "10.0.0.5", "port": 443, "server_name": "www.shop.test"}],
            },
        }
    ]  # fmt: skip
    path = f"/orders/{order['order_id']}"
    fake.has(path, **order)
    fake.has(f"{path}/approve", method="POST", order_id=order["order_id"], state="approved")
    shown = fake("approve", order["order_id"], input="y\n", expect=0)

    assert {"request_sha256": order["request_sha256"]} == fake.body(f"{path}/approve")
    words = ("www.shop.test", "60 d", "host-1:/etc/tls", "owner www", "reloader reload", "10.0.0.5:443", "version 3")
    assert [] == [one for one in words if one not in " ".join(shown.stdout.split())]


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
