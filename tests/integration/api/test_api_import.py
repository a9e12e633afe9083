"""Importing through HTTP: what is found, what is taken, what not and why."""

from __future__ import annotations

import pytest

from commands.certificates.importing import KEY_FIELD
from commands.context import SYSTEM, Context
from commands.work import Work
from domain.certificates.foreign import read_foreign
from domain.keys.key import Key
from tests.support.foreign import PASSWORD, issuing, leaf, make, root, sent

PATH = "/api/v1/certificates/import"


async def send(lab, client, *contents: bytes, **more: object):
    """Import files for team shop; returns the answer."""
    body = {"team_id": lab.team(), "files": sent(*contents), **more}
    answer = await client.post(PATH, json=body, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    return answer


def key_of(lab, party) -> Key:
    """Return the key of a certificate as the ledger knows it."""
    work = Work(lab.backend.services, Context(SYSTEM, "test"))
    return work.load(Key, Key.id_for(read_foreign(party.der).spki_sha256))


async def test_a_chain_in_any_order_with_its_key(lab, anna):
    """One certificate, its chain by signature, its key seen and dropped; readable in the inventory."""
    www = leaf("www.old.test")
    answer = await send(lab, anna, root().pem + www.key_pem() + www.pem + issuing().pem)
    [item] = answer.json()["items"]

    assert (200, True, 2, "dropped") == (answer.status_code, item["taken"], item["chain_length"], item["key"])
    shown = (await anna.get(f"/api/v1/certificates/{item['certificate_id']}")).json()
    assert ("imported", "issued", ["www.old.test"]) == (shown["purpose"], shown["state"], shown["dns_names"])
    assert ("CN=Foreign Issuing", lab.team(), True) == (shown["issuer_name"], shown["team_id"], shown["with_key"])
    assert www.pem.decode() == shown["certificate"]
    key = key_of(lab, www)
    assert ("imported", True, None) == (key.made, key.seen, key.stored_as)


async def test_a_key_is_kept_only_where_the_profile_says_so(lab, anna):
    """With a profile that keeps keys it lies in the key store, byte for byte; with another it is dropped."""
    kept, dropped = leaf("kept.shop.test"), leaf("dropped.shop.test")
    await lab.define("appliances", "shop", key_made=("server",), public_trust=False)
    for party, profile, fate in ((kept, "appliances", "kept"), (dropped, "web", "dropped")):
        content = party.p12(issuing())
        more = {"passwords": [PASSWORD], "profile_id": lab.profile(profile)}
        [item] = (await send(lab, anna, content, **more)).json()["items"]
        assert (True, fate) == (item["taken"], item["key"]), item

    stored_as = key_of(lab, kept).stored_as
    assert kept.key_der() == lab.backend.keystore.get(stored_as, KEY_FIELD).reveal()
    assert key_of(lab, dropped).stored_as is None


async def test_a_dry_run_tells_and_changes_nothing(lab, anna):
    """The same answer but for the ids; ledger and key store stay as they are."""
    www = leaf("dry.old.test")
    head, keys = lab.position(), set(lab.backend.keystore.key_ids())
    answer = await send(lab, anna, www.pem + www.key_pem(), dry_run=True)
    [item] = answer.json()["items"]

    assert (True, None, None) == (item["taken"], item["certificate_id"], answer.json()["position"])
    assert (head, keys) == (lab.position(), set(lab.backend.keystore.key_ids()))


async def test_several_leaves_and_what_is_left_over(lab, anna):
    """Each is taken by itself, a second copy changes nothing; lonely keys and authorities are told of."""
    one, two, other = leaf("one.old.test"), leaf("two.old.test", days=10), make("Other Root", None)
    await send(lab, anna, one.pem)
    again = await send(lab, anna, one.pem + two.pem + other.key_pem() + b"-----BEGIN CERTIFICATE-----\nAAAA\n")
    told = again.json()

    verdicts = {item["dns_names"][0]: (item["taken"], item["rule"], item["expired"]) for item in told["items"]}
    assert {"one.old.test": (False, "import-known", False), "two.old.test": (True, "", True)} == verdicts
    assert {"import-lonely-key", "import-syntax"} == {one["rule"] for one in told["left_out"]}


async def test_what_is_locked_says_so(lab, anna):
    """A password that does not fit, and none."""
    content = leaf("locked.old.test").p12()
    for passwords in ([], ["wrong"]):
        told = (await send(lab, anna, content, passwords=passwords)).json()
        assert ([], ["import-locked"]) == (told["items"], [one["rule"] for one in told["left_out"]])


async def test_a_repeated_call_is_the_same_call(lab, anna):
    """One entry, one stored key; the answer names the same certificate."""
    www = leaf("twice.shop.test")
    await lab.define("appliances", "shop", key_made=("server",))
    body = {"team_id": lab.team(), "files": sent(www.p12()), "passwords": [PASSWORD]}
    body |= {"profile_id": lab.profile("appliances")}
    key = lab.key()
    first = (await anna.post(PATH, json=body, headers=key)).json()["items"][0]
    head, keys = lab.position(), set(lab.backend.keystore.key_ids())
    again = (await anna.post(PATH, json=body, headers=key)).json()["items"][0]

    assert first["certificate_id"] == again["certificate_id"]
    assert (head, keys) == (lab.position(), set(lab.backend.keystore.key_ids()))


async def test_only_for_a_team_of_ones_own(lab, anna, ben, vera):
    """Another team's name finds nobody; a viewer imports nothing."""
    content = leaf("mine.old.test").pem
    assert 404 == (await send(lab, ben, content)).status_code
    assert 403 == (await send(lab, vera, content)).status_code


async def test_it_is_revoked_where_it_was_issued(lab, anna):
    """The refusal names the authority and where it is found."""
    [item] = (await send(lab, anna, leaf("foreign.old.test").pem)).json()["items"]
    path = f"/api/v1/certificates/{item['certificate_id']}/revoke"
    answer = await anna.post(path, json={"revocation_reason": "keyCompromise"}, headers=lab.key())

    assert (409, "foreign-issuer") == (answer.status_code, answer.json()["rule"])
    assert "CN=Foreign Issuing" in answer.json()["detail"]
    assert "http://pki.elsewhere.test/ca.crl" in answer.json()["fix"]


async def test_a_copy_of_ours_is_nothing_to_import(lab, anna, ben):
    """Whoever uploads it, for whichever team: refused, and it stays whose it was."""
    issued = (await anna.post("/api/v1/orders", json=lab.order("ours.shop.test"), headers=lab.key())).json()
    await lab.backend.views.wait_for(lab.position())
    content = issued["certificate"].encode()
    for client, team in ((anna, "shop"), (ben, "pay")):
        head = lab.position()
        [item] = (await send(lab, client, content, team_id=lab.team(team))).json()["items"]
        assert (False, "import-own") == (item["taken"], item["rule"])
        assert head == lab.position()


@pytest.mark.parametrize("content", ["###", "QQ", "Q Q=="])
async def test_content_must_be_base64(lab, anna, content):
    """Said as what it is."""
    body = {"team_id": lab.team(), "files": [{"name": "x", "content": content}]}
    answer = await anna.post(PATH, json=body, headers=lab.key())

    assert (422, "import-base64") == (answer.status_code, answer.json()["rule"])
