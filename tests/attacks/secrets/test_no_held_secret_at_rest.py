"""A key of the key store, delivered and revealed: neither it nor its passwords lie anywhere but encrypted.

Harm prevented: a key that somebody reads from a log, a page, a metric, a read model, an export or a back-up.
"""

from __future__ import annotations

import asyncio
import base64
import logging

import pytest
from bson import CodecOptions
from bson.raw_bson import RawBSONDocument
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from pymongo import MongoClient

from domain.keys.key import Key
from infra.issuers.signers import PKCS8_FIELD
from infra.views.mongodb.state import SUFFIX
from projections.keys.keys import KEYS, KeyFilter
from tests.attacks.secrets.test_no_secret_at_rest import forms
from tests.support import held
from tests.support.agent_edge import AgentLab
from tests.support.edge import open_lab

PAGES = (
    *(f"/api/v1/{page}?limit=200" for page in ("keys", "reveals", "orders", "certificates", "audit/events", "hosts")),
    *("/api/v1/deployments?limit=200", "/api/v1/notices?all=true", "/api/v1/activity?after=0", "/metrics"),
)


async def delivered(agents: AgentLab, problems: list[bytes]) -> list[bytes]:
    """Deliver a key to an agent, and try again; returns what was secret on the way."""
    await held.appliance(agents.lab, "boxes")
    agent = await agents.agent("box.shop.test")
    await agents.order(agent.host_id, profile_id=agents.lab.profile("boxes"), server_key=True)
    await held.make_keys(agents.lab)
    (task,) = await agents.tasks(agent)
    async with agents.client(agent.der) as client:
        where = f"/agent/v1/tasks/{task['task_id']}"
        file = base64.b64decode((await client.post(f"{where}/key")).json()["pkcs12"])
        password = (await client.post(f"{where}/key-password")).json()["password"].encode()
        assert load_pkcs12(file, password).key is not None
        problems += [(await client.post(f"{where}/{again}")).content for again in ("key-password", "key")]
    return [password, file]


async def revealed(lab, problems: list[bytes]) -> list[bytes]:
    """Reveal a key, and try again; returns what was secret on the way."""
    await held.appliance(lab)
    certificate_id = await held.certificate(lab)
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    file, password = held.opened(await held.redeem(lab, olga, reveal_id))
    problems.append((await held.redeem(lab, olga, reveal_id)).content)
    return [password, file]


async def pages(lab) -> bytes:
    """Return everything that an auditor is shown."""
    async with lab.client("vera") as vera:
        answers = [await vera.get(page) for page in PAGES]
    assert {200} == {answer.status_code for answer in answers}
    return b"".join(answer.content for answer in answers)


def scalars(lab) -> list[bytes]:
    """Return the private numbers of the keys that are held."""
    stored = [row["stored_as"] for row in lab.backend.views.find(KEYS, KeyFilter(held=True), limit=200).rows]
    keys = [load_der_private_key(lab.backend.keystore.get(one or "", PKCS8_FIELD).reveal(), None) for one in stored]
    return [
        key.private_numbers().private_value.to_bytes(32, "big")
        for key in keys
        if isinstance(key, ec.EllipticCurvePrivateKey)
    ]


def documents(url):
    """Return every document of a backend's two databases, by collection: the texts and bytes in it, as they are."""
    found = {}
    with MongoClient(url) as client:
        name = client.get_default_database().name
        for database in (client[name], client[name + SUFFIX]):
            for collection in database.list_collection_names():
                raw = database.get_collection(collection, CodecOptions(document_class=RawBSONDocument))
                found[f"{database.name}.{collection}"] = b"".join(one.raw for one in raw.find())
    return found


@pytest.fixture(params=["sqlite", "mongodb"])
def places(request, tmp_path, caplog):
    """Return secrets, and every place where one could lie: files or documents, export, log, pages, problems."""
    caplog.set_level(logging.DEBUG)
    url = request.getfixturevalue("mongo_url") if request.param == "mongodb" else ""
    with open_lab(tmp_path, database=url) as lab:
        problems: list[bytes] = []
        secrets = asyncio.run(delivered(AgentLab(lab), problems)) + asyncio.run(revealed(lab, problems))
        secrets += scalars(lab)
        shown = asyncio.run(pages(lab))
        export = b"".join(lab.backend.evidence.export())
        representations = repr(lab.backend).encode() + repr(lab.edge).encode()
    files = {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} | (documents(url) if url else {})
    seen = {"log": caplog.text.encode(), "pages": shown, "problems": b"".join(problems), "repr": representations}
    return secrets, files | seen | {"export": export}


def test_no_held_key_and_no_password_lies_in_clear(places):
    """Each secret, in every form, is looked for in every file, in the export, in the log and on the pages."""
    secrets, found = places
    hits = [
        (number, name)
        for number, secret in enumerate(secrets)
        for name, content in found.items()
        if any(form in content for form in forms(secret))
    ]

    assert len(secrets) == 6
    assert hits == []
    assert all(any(part in name and found[name] for name in found) for part in ("ledger", "views", "keys", "identity"))
    assert Key.Seen.TOPIC.encode() in found["export"]
    assert b"sslclm_" in found["pages"]
    assert b"reveal-used" in found["problems"]
