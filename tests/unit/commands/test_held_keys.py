"""Keys that the key store makes: which profile may, how they are certified once, when their copies end."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from commands.certificates.request import RequestCertificate
from commands.context import SYSTEM, Context
from commands.keys.copies import DestroyCopy, Sweep, end_copies
from commands.keys.make import make_server_keys
from commands.keys.redeem import form_of
from commands.ports.keys import HELD
from commands.ports.keystore import Secret
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import InvalidInput, NotFound, PolicyRefused, WrongState
from domain.hosts.host import Host
from domain.keys.key import Key
from domain.profiles.policy import check_spec
from domain.profiles.profile import Profile
from infra.keystore.custody import KeyStoreCustody
from tests.support.keystores import MemoryKeyStore
from tests.support.world import NOW, SHOP, World, anna, furnish, web_spec

SERVER = {"key_made": ("server",)}
DECRYPTS = SERVER | {"key_algorithms": ("RSA-2048",), "key_usages": ("keyEncipherment",)}
ENDPOINT = {"address": "127.0.0.1", "port": 443, "server_name": "box.shop.test"}


@pytest.fixture
def made(tmp_path):
    """Return a function that furnishes a world with one profile."""
    worlds = []

    def furnished(**spec: object) -> World:
        world = World(tmp_path)
        furnish(world, web_spec(**spec))
        worlds.append(world)
        return world

    yield furnished
    for world in worlds:
        world.ledger.close()


def wish(**more: object) -> RequestCertificate:
    """Return an order for a person, whose key the key store makes."""
    told = {"team_id": SHOP, "profile_id": Profile.id_for("web"), "dns_names": ("box.shop.test",), "server_key": True}
    return RequestCertificate.model_validate(told | more)


def target() -> dict[str, object]:
    """Return a place on team shop's host."""
    return {"host_id": Host.id_for("web1.shop.test"), "spec": {"directory": "/etc/tls", "endpoints": (ENDPOINT,)}}


def keys_of(world: World, store: MemoryKeyStore, order_id: str) -> int:
    """Let the backend make the keys of an order."""
    world.reading.wanting_keys = [order_id]
    return asyncio.run(make_server_keys(world.bus, world.reading, KeyStoreCustody(store)))


def only(world: World, kind: type, position: int) -> str:
    """Return the id of the one aggregate of a kind that began after a position."""
    events = [one for entry in world.ledger.entries(position + 1) for one in entry.events]
    (found,) = {one.stream_id for one in events if one.stream_id.startswith(f"{kind.__name__.lower()}-")}
    return found


def test_a_key_is_made_certified_and_no_csr_is_needed(made):
    """Given an order for a server-made key, when the backend makes it, then key and certificate are on record once."""
    world, store = made(**SERVER), MemoryKeyStore()
    order_id = world.when(wish(), anna()).id_of("order")
    at = world.head()

    assert keys_of(world, store, order_id) == 1
    assert [
        "key.introduced", "certificate.issuance-started", "order.key-accepted", "certificate.issued", "order.fulfilled",
    ] == sorted(world.then(at), key=_ORDER.index)  # fmt: skip
    assert keys_of(world, store, order_id) == 0
    assert len(list(store.key_ids())) == 1


_ORDER = (
    "key.introduced", "certificate.issuance-started", "order.key-accepted", "certificate.issued", "order.fulfilled",
)  # fmt: skip


def test_each_host_has_a_key_of_its_own(made):
    """A key for two targets on one host is one key; nothing is asked of the agents but to install."""
    world, store = made(**SERVER), MemoryKeyStore()
    two = (target(), {**target(), "spec": {"directory": "/etc/tls2", "endpoints": (ENDPOINT,)}})
    order_id = world.when(wish(targets=two), anna()).id_of("order")
    at = world.head()
    keys_of(world, store, order_id)

    assert world.then(at).count("deployment.planned") == 2
    assert len(list(store.key_ids())) == 1


def test_a_profile_that_does_not_say_so_gets_no_key(made):
    """The rule key-made-where refuses it, and nothing is made."""
    world = made()
    with pytest.raises(PolicyRefused) as refused:
        world.when(wish(), anna())

    assert refused.value.rule == "key-made-where"


def test_a_csr_and_a_key_of_ours_exclude_each_other(made):
    """A CSR brings its own key."""
    world = made(key_made=("server", "client"))
    csr = "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"
    with pytest.raises(InvalidInput) as refused:
        world.when(wish(csr=csr), anna())

    assert refused.value.rule == "targets-or-csr"


def test_keys_that_only_decrypt_have_no_targets(made):
    """No handshake could prove them there."""
    world = made(**DECRYPTS)
    with pytest.raises(InvalidInput) as refused:
        world.when(wish(targets=(target(),)), anna())

    assert refused.value.rule == "targets-need-signing"


@pytest.mark.parametrize(
    "spec",
    [
        SERVER | {"archive_keys": True},
        DECRYPTS | {"archive_keys": True, "key_usages": ("keyEncipherment", "digitalSignature")},
        DECRYPTS | {"archive_keys": True, "key_made": ("server", "host")},
        SERVER | {"key_usages": ("keyEncipherment",)},
        SERVER | {"key_algorithms": ("RSA-3072",), "key_usages": ("keyAgreement",)},
    ],
)
def test_no_profile_archives_keys_that_sign_or_names_usages_that_a_key_has_not(spec):
    """NIST SP 800-57 part 1 section 8.2.2.2; RFC 5280 section 4.2.1.3."""
    with pytest.raises(InvalidInput) as refused:
        check_spec(web_spec(**spec))

    assert refused.value.rule in {"profile-archive", "profile-key-usage"}


def test_an_archived_key_keeps_its_copy(made):
    """Given an archived decryption key whose certificate is over, when its end is looked at, then nothing ends."""
    world, store = made(**DECRYPTS, archive_keys=True), MemoryKeyStore()
    at = world.head()
    keys_of(world, store, world.when(wish(), anna()).id_of("order"))
    world.pass_time(days=60)
    command = DestroyCopy(key_id=only(world, Key, at), certificate_id=only(world, Certificate, at))
    after = world.head()
    world.when(command, Context(SYSTEM, "c"))

    assert "key.archived" in world.then(at)
    assert [] == world.then(after)


@pytest.mark.parametrize(("days", "ends"), [(0, False), (31, True)])
def test_a_copy_ends_with_its_certificate_and_not_before(made, days, ends):
    """A key for a person stays until it is revealed or its certificate is over."""
    world, store = made(**SERVER), MemoryKeyStore()
    at = world.head()
    keys_of(world, store, world.when(wish(), anna()).id_of("order"))
    world.pass_time(days=days)
    command = DestroyCopy(key_id=only(world, Key, at), certificate_id=only(world, Certificate, at))
    if not ends:
        with pytest.raises(WrongState, match="still needed"):
            world.when(command, Context(SYSTEM, "c"))
    else:
        world.when(command, Context(SYSTEM, "c"))

    key = Work(world.bus.services, Context(SYSTEM, "c")).load(Key, command.key_id)
    assert ends == (key.stored_as is None)


def test_a_copy_that_cannot_be_ended_holds_no_other_up(made):
    """Given a row that names a key nobody knows, when copies are ended, then the others end, and then it is told."""
    world, store = made(**SERVER), MemoryKeyStore()
    at = world.head()
    keys_of(world, store, world.when(wish(), anna()).id_of("order"))
    world.pass_time(days=31)
    world.reading.over = [("key-unknown", "certificate-unknown"), (only(world, Key, at), only(world, Certificate, at))]
    after = world.head()
    with pytest.raises(NotFound):
        asyncio.run(end_copies(world.bus, world.reading))

    assert ["key.copy-destroyed"] == world.then(after)


async def test_the_sweep_touches_only_what_is_held_for_others(tmp_path):
    """The backend's own keys stay, whatever the read models say or do not say."""
    world, store = World(tmp_path), MemoryKeyStore()
    own = {"identity-seal", "task-signing", "server-0abc", "ca-issuing"}
    for key_id in (*own, f"{HELD}orphan", f"{HELD}kept", f"{HELD}gone"):
        store.put(key_id, "pkcs8", Secret(b"x"))
    world.reading.named = {f"{HELD}kept": True, f"{HELD}gone": False}
    sweep = Sweep(world.bus, world.reading, store, patience=10)

    assert [1, 0, 1] == [await sweep.round(now) for now in (0.0, 9.9, 10.0)]
    assert own | {f"{HELD}kept"} == set(store.key_ids())
    world.ledger.close()


def test_the_old_form_ends_with_its_day():
    """The dated exception counts its last day in, and nothing after it."""
    spec = web_spec(legacy_pkcs12_until=date(2026, 11, 23))

    assert ["legacy-3des", "aes-256"] == [form_of(spec, NOW + timedelta(days=days)) for days in (0, 1)]
    assert form_of(None, NOW) == form_of(web_spec(), NOW) == "aes-256"


def test_a_copy_stays_until_every_target_is_proven(made):
    """A second target that is still to be planned, or to be proven, keeps the copy; that is no failure of the round."""
    world, store = made(**SERVER), MemoryKeyStore()
    at = world.head()
    order_id = world.when(wish(targets=(target(),)), anna()).id_of("order")
    keys_of(world, store, order_id)
    key_id, certificate_id = only(world, Key, at), only(world, Certificate, at)
    world.reading.over = [(key_id, certificate_id)]

    assert asyncio.run(end_copies(world.bus, world.reading)) == 0
    with pytest.raises(WrongState, match="still needed"):
        world.when(DestroyCopy(key_id=key_id, certificate_id=certificate_id), Context(SYSTEM, "c"))


def test_an_order_that_cannot_be_helped_keeps_no_other_from_its_key(made):
    """One broken order is told at the end of the round; the next one has its key."""
    world, store = made(**SERVER), MemoryKeyStore()
    good = world.when(wish(), anna()).id_of("order")
    world.reading.wanting_keys = ["order-00000000-0000-4000-8000-00000000ffff", good]
    with pytest.raises(NotFound):
        asyncio.run(make_server_keys(world.bus, world.reading, KeyStoreCustody(store)))

    assert len(list(store.key_ids())) == 1
