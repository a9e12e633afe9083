"""The provider's key set: rotated, withdrawn, poisoned, unreachable, or asked for too often."""

from __future__ import annotations

import pytest

from commands.ports.signin import TokenRefused
from domain.errors import Unavailable
from infra.identity.http import MAX_ANSWER
from infra.identity.jwks import usable
from tests.support.hostile_op import BEARER, CALLBACK, OTHER_EC, OTHER_RSA, RSA, encoded, machine, sign

PUBLIC = RSA.as_dict(private=False)


async def test_rotation_is_seen_at_once(clock, op, side):
    """A new key is believed as soon as a token names it, with one more question."""
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    op.keys.append({**OTHER_RSA.as_dict(private=False), "kid": "k2"})
    clock.forward(30)
    known = await side.machine_tokens.verify(sign({**BEARER, "kid": "k2"}, machine(op), OTHER_RSA))

    assert known.client_id == "ci-shop"
    assert op.asked == 2


async def test_withdrawn_key_is_refused_after_five_minutes(clock, op, side):
    """A key that the provider withdrew, because it was stolen perhaps, is believed no longer than the TTL."""
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    op.keys.clear()
    clock.forward(299)
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    clock.forward(1)

    with pytest.raises(TokenRefused, match="no such key"):
        await side.machine_tokens.verify(sign(BEARER, machine(op)))


async def test_twenty_unknown_keys_ask_once(op, side):
    """Nobody can make us hammer the provider with made-up key ids."""
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    for number in range(20):
        with pytest.raises(TokenRefused):
            await side.machine_tokens.verify(sign({**BEARER, "kid": f"x{number}"}, machine(op)))

    assert op.asked == 1


async def test_unreachable_provider(clock, op, side):
    """The last known keys serve while the provider is down, but not for ever."""
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    op.status = 503
    clock.forward(2999)
    for _ in range(10):
        await side.machine_tokens.verify(sign(BEARER, machine(op)))
    assert op.asked == 2
    clock.forward(1)

    with pytest.raises(Unavailable):
        await side.machine_tokens.verify(sign(BEARER, machine(op)))


async def test_provider_down_from_the_start(clock, op, side):
    """Without any keys nobody waits in a queue for a provider that does not answer: one question in five seconds."""
    await side.machine_tokens.verify(sign(BEARER, machine(op)))
    op.status = 503
    clock.forward(3600)
    for _ in range(10):
        with pytest.raises(Unavailable):
            await side.machine_tokens.verify(sign(BEARER, machine(op)))
        with pytest.raises(Unavailable):
            await side.sign_in.begin("op", redirect_uri=CALLBACK)
    assert (op.asked, op.discovered) == (1, 2)
    op.status = 200
    clock.forward(5)

    assert (await side.machine_tokens.verify(sign(BEARER, machine(op)))).client_id == "ci-shop"


async def test_endless_key_set(op, side):
    """An answer that is too long is cut off and counts as no answer."""
    op.keys.append({"kty": "RSA", "padding": "x" * MAX_ANSWER})

    with pytest.raises(Unavailable):
        await side.machine_tokens.verify(sign(BEARER, machine(op)))


UNUSABLE = {
    "symmetric": {"kty": "oct", "kid": "k", "k": encoded(b"s" * 32).decode()},
    "for encryption": {**PUBLIC, "use": "enc"},
    "private": RSA.as_dict(private=True),
    "private EC": OTHER_EC.as_dict(private=True),
    "RSA of 1024 bits": {"kty": "RSA", "n": encoded(b"\xff" * 128).decode(), "e": "AQAB"},
    "no numbers": {"kty": "RSA"},
    "numbers that are lists": {**PUBLIC, "n": [1]},
    "point off the curve": {**OTHER_EC.as_dict(private=False), "x": encoded(b"\1" * 32).decode()},
    "unknown kind": {"kty": "XYZ"},
    "kind is a list": {"kty": ["RSA"]},
    "no object": "RSA",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_keys_are_left_out(name):
    """A key that cannot or must not verify signatures is left out, and the others stay."""
    assert [key.kid for key in usable({"keys": [UNUSABLE[name], PUBLIC]})] == ["k1"]


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"k1": PUBLIC}}, {"keys": "k1"}])
def test_no_key_set(document):
    """What is no key set holds no keys."""
    assert usable(document) == ()


async def test_key_for_another_algorithm(op, side):
    """A key that names its algorithm verifies no other, and an EC key of another curve none at all."""
    op.keys[0]["alg"] = "PS256"

    with pytest.raises(TokenRefused, match="no such key"):
        await side.machine_tokens.verify(sign(BEARER, machine(op)))
