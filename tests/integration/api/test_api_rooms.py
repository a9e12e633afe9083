"""Every other room through HTTP: teams, grants, profiles, issuers, hosts, audit, the front page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import ssl

from domain.issuers.issuer import Issuer
from infra.ledger.proof.export import ExportReader


async def read(client, path, answer):
    """Read what a command has just changed."""
    return await client.get(path, headers={"Min-Ledger-Position": answer.headers["Ledger-Position"]})


async def test_teams_and_grants_are_made_and_withdrawn(lab, adam):
    """201 with id and position; a withdrawn grant is shown as such."""
    made = await adam.post("/api/v1/teams", json={"name": "ops"}, headers=lab.key())
    team = await read(adam, made.headers["Location"], made)
    wish = {"provider": "development", "subject": "/teams/ops", "role": "ROLE_DEVOPS", "team_id": made.json()["id"]}
    given = await adam.post("/api/v1/grants", json=wish, headers=lab.key())
    why = {"reason": "dissolved"}
    gone = await adam.post(f"/api/v1/grants/{given.json()['id']}/withdraw", json=why, headers=lab.key())
    listed = (await read(adam, f"/api/v1/grants?team={made.json()['id']}", gone)).json()["items"]

    assert (201, "ops") == (made.status_code, team.json()["name"])
    assert (201, 200) == (given.status_code, gone.status_code)
    assert [(False, True)] == [(one["in_force"], one["withdrawn_at"] is not None) for one in listed]


async def test_a_profile_is_defined_revised_and_retired(lab, olga):
    """201, 200 for the next version, 200 and nothing stored for the same content, and its end."""
    spec = {"name": "short", "issuer_id": Issuer.id_for("issuing"), "teams": [lab.team()], "max_validity": 86_400}
    spec["allowed_names"] = ["*.shop.test"]
    made = await olga.post("/api/v1/profiles", json=spec, headers=lab.key())
    revised = await olga.post("/api/v1/profiles", json=spec | {"max_names": 3}, headers=lab.key())
    head = lab.position()
    same = await olga.post("/api/v1/profiles", json=spec | {"max_names": 3}, headers=lab.key())
    path = made.headers["Location"]
    retired = await olga.post(f"{path}/retire", headers=lab.key())
    shown = (await read(olga, path, retired)).json()

    assert [201, 200, 200, 200] == [one.status_code for one in (made, revised, same, retired)]
    assert str(head) == same.headers["Ledger-Position"]
    assert ("retired", 2, 3) == (shown["state"], shown["number"], shown["spec"]["max_names"])


async def test_issuers_are_shown_without_their_keys(anna):
    """Chains and CRL times are public, the name of a key is nobody's business."""
    page = (await anna.get("/api/v1/issuers")).json()
    one = await anna.get(f"/api/v1/issuers/{Issuer.id_for('issuing')}")

    assert ["agents", "issuing", "root"] == [row["name"] for row in page["items"]]
    assert not {"key_id", "crl", "drawn"} & set(one.json())
    assert one.json()["next_update"].endswith("Z")


async def test_a_host_gets_its_token_once(lab, anna):
    """The token names URL, CA and host and holds the secret; a repeated call does not show it again."""
    made = await anna.post("/api/v1/hosts", json={"name": "db1.shop.test", "team_id": lab.team()}, headers=lab.key())
    path, key = made.headers["Location"], lab.key()
    first = await anna.post(f"{path}/token", json={"valid_seconds": 600}, headers=key)
    again = await anna.post(f"{path}/token", json={"valid_seconds": 600}, headers=key)
    prefix, _, text = first.json()["token"].partition(".")
    told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    root = ssl.PEM_cert_to_DER_cert(lab.edge.root_pem.decode())

    assert (201, 200, "sslclm-bt1") == (first.status_code, again.status_code, prefix)
    assert {"url", "ca", "host", "secret"} == set(told)
    assert ("https://clm.test", hashlib.sha256(root).hexdigest(), "db1.shop.test") == (
        told["url"],
        told["ca"],
        told["host"],
    )
    assert (None, first.json()["expires"]) == (again.json()["token"], again.json()["expires"])
    assert told["secret"] not in str(lab.backend.ledger.stream(made.json()["id"]))


async def test_a_host_is_disabled_for_good(lab, anna):
    """The reason goes to the erasable details, and is found in the host's history."""
    host = await lab.host("old.shop.test")
    gone = await anna.post(f"/api/v1/hosts/{host}/disable", json={"reason": "scrapped"}, headers=lab.key())
    again = await anna.post(f"/api/v1/hosts/{host}/disable", headers=lab.key())
    shown = (await read(anna, f"/api/v1/hosts/{host}", gone)).json()
    async with lab.client("vera") as vera:
        told = (await read(vera, f"/api/v1/audit/objects/{host}", gone)).json()["items"]

    assert ("disabled", 409) == (shown["state"], again.status_code)
    assert ["sslclm.host.registered.v1", "sslclm.host.disabled.v1"] == [one["topic"] for one in told[:2]]
    assert ("scrapped", "Anna (team shop)", "ROLE_DEVOPS") == tuple(
        told[1][name] for name in ("reason", "actor_name", "role")
    )


async def test_an_unchanged_object_is_not_sent_twice(lab, anna):
    """Weak ETag and If-None-Match, as RFC 9110 section 13.1.2 has it."""
    path = f"/api/v1/profiles/{lab.profile()}"
    first = await anna.get(path)
    same = await anna.get(path, headers={"If-None-Match": f'"x", {first.headers["ETag"]}'})
    other = await anna.get(path, headers={"If-None-Match": 'W/"1"'})

    assert first.headers["ETag"].startswith('W/"')
    assert ([200, 304, 200], b"") == ([one.status_code for one in (first, same, other)], same.content)


async def test_every_look_at_audit_data_is_recorded_once_a_window(lab, vera):
    """The same view and filter within a quarter of an hour is one entry, another filter another."""
    head = lab.position()
    for path in ("events?topic=sslclm.team.", "events?topic=sslclm.team.", "events", "verify", "export"):
        assert 200 == (await vera.get(f"/api/v1/audit/{path}")).status_code

    assert ["sslclm.audit.read.v1"] * 4 == lab.topics(head)


async def test_the_export_verifies_without_the_server(vera):
    """The streamed file passes the offline verifier's own checks, and the server's verdict agrees."""
    exported = (await vera.get("/api/v1/audit/export")).content
    verdict = (await vera.get("/api/v1/audit/verify")).json()

    offline = ExportReader(io.BufferedReader(io.BytesIO(exported))).verify()

    assert (None, True) == (offline.finding, verdict["holds"])
    assert verdict["events"] >= offline.events > 0


async def test_the_search_names_people_until_they_are_erased(lab, vera, anna):
    """Names stand beside pseudonyms as the directory has them now; nothing of it is stored with the events."""
    made = await anna.post("/api/v1/orders", json=lab.order("names.shop.test"), headers=lab.key())
    me = (await anna.get("/api/v1/me")).json()["pseudonym"]
    shown = (await read(vera, f"/api/v1/audit/events?actor={me}&limit=1", made)).json()["items"]
    lab.edge.identity.directory.erase(me)
    after = (await vera.get(f"/api/v1/audit/events?actor={me}&limit=1")).json()["items"]

    assert ["Anna (team shop)", ""] == [one["actor_name"] for one in (*shown, *after)]


async def test_the_search_finds_by_actor_time_and_object(lab, vera, anna):
    """Filters narrow; times are RFC 3339."""
    call = lab.key() | {"X-Correlation-Id": "f-1"}
    ordered = await anna.post("/api/v1/orders", json=lab.order("find.shop.test"), headers=call)
    me = (await anna.get("/api/v1/me")).json()["pseudonym"]
    asked = f"/api/v1/audit/events?actor={me}&correlation=f-1&from=2026-01-01T00:00:00Z"
    found = (await read(vera, asked, ordered)).json()["items"]
    none = (await vera.get("/api/v1/audit/events", params={"to": "2020-01-01T00:00:00Z"})).json()["items"]
    odd = await vera.get("/api/v1/audit/events", params={"from": "yesterday"})

    assert {me} == {one["actor"] for one in found}
    assert ([], 422) == (none, odd.status_code)


async def test_the_front_page_has_no_scripts_and_safe_headers(lab, anna):
    """Signed in or not, nothing in it comes from elsewhere."""
    async with lab.client() as stranger:
        page = await stranger.get("/")
    types = await anna.get("/problems")

    assert "/auth/login?provider=development" in page.text
    assert "<script" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "names-inside-profile" in types.text
    assert 200 == (await anna.get("/problems/names-inside-profile")).status_code


async def test_the_document_describes_every_route_and_resolves(anna):
    """OpenAPI 3.1: no dangling references, examples for what is sent, no documentation page."""
    document = (await anna.get("/api/openapi.json")).json()
    references = set(_references(document))

    assert document["openapi"].startswith("3.1")
    assert set() == {one for one in references if one.rpartition("/")[2] not in document["components"]["schemas"]}
    assert "#/components/schemas/RequestCertificate" in references
    assert [["www.shop.test"]] == document["components"]["schemas"]["RequestCertificate"]["properties"]["dns_names"][
        "examples"
    ]


def _references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
