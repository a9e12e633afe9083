"""Make the keys of orders that want them from the key store, and have each certified.

Secret first, then the event: the key lies in the key store before the ledger names it. What a crash leaves in between
is made again under the same id, or swept. A CSR is not needed: possession is proven by the store itself.
"""

from __future__ import annotations

import base64

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.certificates.certify import PublicKey, certify_key, still_allowed
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.ports.keys import HELD, Custody
from commands.ports.reading import Reading
from commands.work import Work
from domain.certificates.order import Order
from domain.errors import InvalidInput, PolicyRefused, WrongState
from domain.ids import derived_id
from domain.keys.key import Key
from domain.profiles.spec import KeyAlgorithm


class CertifyServerKey(Command):
    """Certify a key that lies in the key store under ``stored_as``; ``host_id`` is empty for a person's.

    ``spki_der``: base64 of its SubjectPublicKeyInfo.
    """

    order_id: str
    host_id: str
    stored_as: str
    spki_der: str = Field(max_length=4_096)
    spki_sha256: str
    algorithm: KeyAlgorithm


def scope(command: CertifyServerKey, work: Work) -> Scope:
    """Aim at the order's team."""
    return Scope(work.load(Order, command.order_id).team_id, command.order_id)


def handle(command: CertifyServerKey, work: Work) -> None:
    """Announce the certificate; where policy has changed since the approval, the order says so and asks anew."""
    order = work.load(Order, command.order_id)
    if not order.server_key:
        raise WrongState("the order's keys are not made here", rule="key-made-where", fix="look at the order")
    if order.expire(host_id=command.host_id, at=work.now):
        return
    order.must_be_ready(command.host_id, at=work.now)
    spki_der = base64.b64decode(command.spki_der)
    key = PublicKey(spki_der, command.spki_sha256, command.algorithm, stored_as=command.stored_as)
    try:
        profile = still_allowed(work, order)
        certify_key(work, order, profile, key, host_id=command.host_id)
    except (InvalidInput, PolicyRefused) as broken:
        order.refuse_key(host_id=command.host_id, rule=broken.rule, at=work.now)
        return
    if profile.spec.archive_keys:
        known = work.load(Key, Key.id_for(command.spki_sha256))
        known.archive(profile_id=profile.id, profile_version=profile.number, at=work.now)


async def make_server_keys(bus: Bus, reading: Reading, custody: Custody) -> int:
    """Make and certify every key that an approved order waits for; returns how many. Harmless when done twice."""
    made = 0

    async def make(order_id: str) -> None:
        nonlocal made
        for host_id in _hosts_without(_order(bus, order_id)):
            made += await _make_one(bus, custody, order_id, host_id)

    await for_each(reading.orders_wanting_keys(), make)
    return made


async def _make_one(bus: Bus, custody: Custody, order_id: str, host_id: str) -> bool:
    order = _order(bus, order_id)
    algorithm = order.subject.key_algorithm
    if order.state != "approved" or algorithm is None:
        return False
    key_id = HELD + derived_id("key", order_id, host_id, str(order.version))
    stored = await custody.make(key_id, algorithm)
    command = CertifyServerKey(
        order_id=order_id,
        host_id=host_id,
        stored_as=stored.key_id,
        spki_der=base64.b64encode(stored.spki_der).decode(),
        spki_sha256=stored.spki_sha256,
        algorithm=stored.algorithm,
    )
    context = Context(SYSTEM, key_id, "server-key", idempotency_key=key_id, on_behalf_of=order.requester)
    try:
        await bus.execute(command, context)
    except WrongState:  # another process was first, or the order has ended meanwhile: the key is swept
        return False
    return True


def _order(bus: Bus, order_id: str) -> Order:
    return Work(bus.services, Context(SYSTEM, order_id)).load(Order, order_id)


def _hosts_without(order: Order) -> list[str]:
    return [host_id for host_id in (order.hosts() or ("",)) if host_id not in order.accepted]


CERTIFY_SERVER_KEY = UseCase("keys.certify", scope, handle)
