"""What goes over the wire: keys that make repeating safe, positions, ids, and never a secret too many."""

from __future__ import annotations

import json

import httpx2
import pytest

from api.cli.errors import Misused
from api.cli.wish import endpoint

TEAM = "team-00000000-0000-4000-8000-000000000001"
HOST = "host-00000000-0000-4000-8000-000000000001"
CSR = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
PLACE = ("--host", HOST, "--directory", "/etc/tls")
PROFILE = ("--profile", TEAM.replace("team", "profile"))


@pytest.fixture
def wish(fake, tmp_path):
    """Return a caller of ``sslclm request`` with a CSR, at a server that says ``fulfilled`` unless told otherwise."""
    file = tmp_path / "a.csr"
    file.write_text(CSR)
    fake.has("/orders", method="POST", order_id="order-1", state="fulfilled")

    def call(*arguments: str, csr: bool = True, **more):
        given = ("--csr", str(file)) if csr else ()
        return fake("request", "--team", TEAM, *PROFILE, *given, *arguments, **more)

    return call


def test_every_command_has_a_key_of_its_own(fake):
    """Each invocation draws an idempotency key; a given one is used as it is."""
    fake.has("/teams", method="POST", id="team-1", position=3)
    for more in ((), (), ("--idempotency-key", "build-4711")):
        fake("teams", "add", "shop", *more, expect=0)
    keys = [one.headers["idempotency-key"] for one in fake.sent("POST", "/teams")]

    assert "build-4711" == keys[2]
    assert 3 == len(set(keys))
    assert all(len(key) >= 32 for key in keys[:2])


@pytest.mark.parametrize("answer", [httpx2.ReadTimeout("slow"), httpx2.Response(503, json={}), httpx2.Response(502)])
def test_an_unknown_outcome_can_be_repeated(fake, answer):
    """Where nobody knows whether a command was done, the message holds the key that makes repeating it safe."""
    fake.answers["POST", "/teams"] = answer
    shown = fake("teams", "add", "shop", expect=4).stderr

    assert f"--idempotency-key {fake.asked[-1].headers['idempotency-key']}" in shown


def test_reads_see_the_own_writes(fake):
    """The position of the newest own command goes along with later reads, in later runs too."""
    fake("hosts", "list", expect=0)
    fake.answers["POST", "/teams"] = httpx2.Response(201, json={"id": "team-1"}, headers={"Ledger-Position": "42"})
    fake("teams", "add", "shop", expect=0)
    fake("hosts", "list", expect=0)

    assert [None, "42"] == [one.headers.get("min-ledger-position") for one in fake.sent("GET", "/hosts")]


@pytest.mark.parametrize("position", ["-1", "x", "9" * 30, ""])
def test_a_strange_position_is_not_believed(fake, position):
    """What is no position is not remembered."""
    fake.answers["POST", "/teams"] = httpx2.Response(201, json={}, headers={"Ledger-Position": position})
    fake("teams", "add", "shop", expect=0)

    assert 0 == json.loads((fake.folder / "session.json").read_text())["servers"]["https://clm.test"]["position"]


def test_the_session_is_sent_and_never_shown(fake, wish):
    """The token goes into the header of every call and into no output."""
    shown = [fake("whoami").output, fake("hosts", "list", "--json").output, wish().output]

    assert {"Bearer secret-session-token"} == {one.headers["authorization"] for one in fake.asked}
    assert "secret-session-token" not in "".join(shown)


def test_the_environment_comes_before_the_file(fake):
    """A pipeline's own token is used, and its calls leave the file as it was."""
    before = (fake.folder / "session.json").read_text()
    fake.answers["POST", "/teams"] = httpx2.Response(201, json={}, headers={"Ledger-Position": "42"})
    fake("teams", "add", "shop", env={"SSLCLM_CLI_TOKEN": "pipeline"}, expect=0)

    assert "Bearer pipeline" == fake.asked[-1].headers["authorization"]
    assert before == (fake.folder / "session.json").read_text()


def test_names_become_ids(fake):
    """A name is looked up, an id is taken as it is, an unknown name is refused before anything is sent."""
    fake.has("/teams", {"team_id": TEAM, "name": "shop"})
    fake.has("/hosts", method="POST", id=HOST)
    fake("hosts", "add", "web1.test", "--team", "Shop", expect=0)

    assert {"name": "web1.test", "team_id": TEAM} == fake.body("/hosts")
    assert "shop" == fake.sent("GET", "/teams")[0].url.params["name"]
    fake.has("/teams")
    assert "there is no team" in fake("hosts", "add", "web1.test", "--team", "nope", expect=1).stderr


def test_pages_are_followed_up_to_the_limit(fake):
    """A list is read page by page; where there is more than asked for, people are told and machines get the cursor."""
    page = {"items": [{"name": "a", "team_id": TEAM, "created_at": None}] * 100, "next_cursor": "c", "position": 1}
    fake.answers["GET", "/teams"] = httpx2.Response(200, json=page)
    shown = fake("teams", "list", "--limit", "150", "--json", expect=0)

    assert (200, "c") == (len(json.loads(shown.stdout)["items"]), json.loads(shown.stdout)["next_cursor"])
    assert ["100", "50"] == [one.url.params["limit"] for one in fake.sent("GET", "/teams")]
    assert "There are more" in fake("teams", "list", "--limit", "100").stdout


def test_a_private_key_is_never_sent(fake, wish, tmp_path):
    """A file with a private key beside the CSR is refused, and so is what is no CSR, or too large."""
    for content in (CSR + "-----BEGIN PRIVATE KEY-----", "hello", CSR + "x" * 70_000, "\x00"):
        (tmp_path / "a.csr").write_text(content)
        wish(expect=2)

    assert [] == fake.sent("POST", "/orders")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--days", "1", "--validity", "300"), PLACE, ("--out", "/dev/null"), ("--days", "0"), ("--validity", "-5"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_orders_nothing(fake, wish, arguments):
    """Options that say the same twice, or cannot be, are refused before anything is ordered."""
    wish(*arguments, expect=2)

    assert [] == fake.sent("POST", "/orders")


def test_targets_from_options(fake, wish):
    """Host, directory and endpoints become a target; the first name is the endpoint's server name."""
    wish("www.shop.test", *PLACE, "--endpoint", "[::1]:443", "--reloader", "nginx", csr=False, expect=0)
    [target] = fake.body("/orders")["targets"]

    assert HOST == target["host_id"]
    assert [{"address": "::1", "port": 443, "server_name": "www.shop.test"}] == target["spec"]["endpoints"]
    assert "nginx" == target["spec"]["reloader"]


def test_targets_from_a_file(fake, wish, tmp_path):
    """A file lists several targets, hosts by name or id; one of another shape is refused."""
    file = tmp_path / "targets.json"
    file.write_text(json.dumps([{"host": HOST, "spec": {"directory": "/a"}}]))
    wish("www.shop.test", "--targets", str(file), csr=False, expect=0)
    assert [{"host_id": HOST, "spec": {"directory": "/a"}}] == fake.body("/orders")["targets"]

    for content in ("{}", "[1]", "[{}]", '[{"host": 1, "spec": {}}]', "[", '[{"host": "a", "spec": {}, "x": 1}]'):
        file.write_text(content)
        wish("www.shop.test", "--targets", str(file), csr=False, expect=2)


@pytest.mark.parametrize("text", ["", "a", "a:", ":443", "a:443x", "a:443/", "::1:443/x", "a:443/b/c", "a:123456/x"])
def test_no_endpoint(text):
    """What is no endpoint is refused with the form that is."""
    with pytest.raises(Misused, match="not an endpoint"):
        endpoint(text, "www.test")


def test_a_token_is_shown_once_and_alone(fake):
    """A bootstrap token stands alone on standard output; a repeated call has none and says so."""
    answer = {"host_id": HOST, "expires": "2026-11-23T13:00:00Z", "note": "it is not shown again"}
    fake.has(f"/hosts/{HOST}/token", method="POST", token="sslclm-bt1.abc", **answer)
    shown = fake("hosts", "token", HOST, expect=0)
    assert "sslclm-bt1.abc\n" == shown.stdout
    assert "sslclm-bt1" not in (fake.folder / "session.json").read_text()

    fake.has(f"/hosts/{HOST}/token", method="POST", token=None, **answer)
    assert "" == fake("hosts", "token", HOST, expect=0).stdout
