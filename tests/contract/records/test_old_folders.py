"""Files that were made when each part had SQL of its own go on unchanged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from commands.ports.keystore import Secret
from domain.errors import WrongState
from infra.agents.presence import StoredPresence
from infra.identity.tables import CLI_CODE
from infra.identity.wiring import identity
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import sqlite_key_store
from infra.notices.outbox import Outbox
from infra.notices.tables import NOTICES
from infra.records.passing import PASSING
from infra.records.sealing import digest
from infra.records.sqlite import sqlite_records
from tests.support.identity import TurnedClock, identity_records, sealer

DUMPS = Path(__file__).parents[2] / "vectors" / "records"
TOKENS = ("yK3rfhzgdYwuP2IV_h-5QdhVyMJ6qGJU1k0HUwhvLyY", "jO0C_HKojchpLJK2iBntys_LtmHT0EBvI7I-p_C6Jjw")
OLGA, CONTACT, CODE = "p-40af692f03d5dfaa", "contact-b039e0aae701aa56", "0WLzUeIM9-gBOTEchoX5lNiFYxrMhtZ7mey0ZKQkTG8"


@pytest.fixture
def old(tmp_path):
    """A folder as it was left."""
    for dump in DUMPS.glob("*.sql"):
        with closing(sqlite3.connect(tmp_path / f"{dump.stem}.sqlite")) as made:
            made.executescript(dump.read_text())
    return tmp_path


@pytest.fixture
def clock():
    """A clock that stands where the folder was made."""
    return TurnedClock()


def test_sign_ins_and_people(old, clock):
    """Sessions live on and end once, a code opens one, a pseudonym and an address are known."""
    side = identity([], records=identity_records(old / "identity.sqlite"), sealer=sealer(), clock=clock)

    assert ["olga", "olga"] == [side.sessions.get(token).signed_in.subject for token in TOKENS]
    assert side.directory.pseudonym("https://idp.test", "olga") == OLGA
    assert "olga@shop.test" == side.directory.known(OLGA).email
    assert "team@shop.test" == side.contacts.address(CONTACT)
    assert {"provider": "op", "begun": clock().timestamp()} == side.sign_in._take("state-1", "cookie-1")
    assert 1 == len(side.records.transact(lambda tx: tx.delete(CLI_CODE, {"code": digest(CODE)})))
    assert side.sessions.end(TOKENS[0]) is not None
    assert side.sessions.get(TOKENS[0]) is None
    assert 1 == len(side.sessions.end_by_subject("https://idp.test", "olga"))
    side.records.close()


def test_notices(old, clock):
    """A message waits with its two notices, the third is gathered for the next, and the ledger is read on."""
    clock.forward(61)
    outbox = Outbox(sqlite_records(old / "notices.sqlite", NOTICES), clock)
    waiting = outbox.due()

    assert (3, {"pending": 1, "waiting": 1, "sent": 0, "given-up": 0}) == (outbox.position(9), outbox.figures())
    assert ["notice-1", "notice-2"] == [one.notice_id for one in outbox.content(waiting[0].digest_id)]
    outbox.sent(waiting[0])
    clock.forward(400)
    outbox.bundle()
    assert [1] == [one.count for one in outbox.due()]
    assert 2 == len(outbox.deliveries())
    outbox.close()


def test_keys_and_presence(old, clock):
    """Keys open, are re-encrypted and stored beside; the destroyed one stays so; agents' signs are known."""
    kek = LocalKekFile(b"w" * 32, Path("/nowhere/kek.key"))
    keys = sqlite_key_store(old / "keys.sqlite", kek, clock=clock)
    keys.start_dek()
    while keys.reencrypt():
        pass
    keys.put("key-4", "pkcs8", Secret(b"fourth"))

    assert [b"first", b"second", b"fourth"] == [keys.get(f"key-{n}", "pkcs8").reveal() for n in (1, 2, 4)]
    assert (1, 3) == (keys.status().deks, keys.status().fields)
    with pytest.raises(WrongState):
        keys.put("key-3", "pkcs8", Secret(b"again"))
    keys.close()
    presence = StoredPresence(sqlite_records(old / "presence.sqlite", PASSING), clock)
    assert (clock(), "safe") == (presence.last("host-1").at, presence.last("host-2").state)
    clock.at += timedelta(minutes=1)
    presence.heard("host-1")
    presence.save()
    assert "1.2" == presence.last("host-2").agent_version
    presence.close()
