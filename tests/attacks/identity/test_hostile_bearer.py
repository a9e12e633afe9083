"""Tokens that are something else, sent as a machine's access token."""

from __future__ import annotations

import pytest

from commands.ports.signin import TokenRefused
from tests.support.hostile_op import (
    AUDIENCE,
    BEARER,
    CLIENT,
    EVENT,
    ISSUER,
    OTHER_RSA,
    SECRET,
    encoded,
    hmac_signed,
    machine,
    sign,
    unsigned,
)


def id_token(op):
    """Return the id_token of a person, as issued."""
    return sign(op.header, op.claims | {"nonce": "n"})


def logout_token(op):
    """Return a good logout token."""
    claims = machine(op, aud=CLIENT, events={EVENT: {}}, jti="j1")
    return sign({**BEARER, "typ": "logout+jwt"}, claims)


def oct_signed(op):
    """Sign with a symmetric key that the key set publishes."""
    op.keys.append({"kty": "oct", "kid": "sym", "k": encoded(b"s" * 32).decode()})
    return hmac_signed({**BEARER, "alg": "HS256", "kid": "sym"}, machine(op), b"s" * 32)


def bent(**changed):
    """Bend the claims of a good token."""
    return lambda op: sign(BEARER, machine(op, **changed))


def typed(**changed):
    """Bend the header of a good token."""
    return lambda op: sign({n: v for n, v in {**BEARER, **changed}.items() if v is not ...}, machine(op))


CASES = {
    "id_token": (id_token, "token-type"),
    "logout token": (logout_token, "token-type"),
    "opaque refresh token": (lambda _: "refresh-1", "token-iss"),
    "empty": (lambda _: "", "token-iss"),
    "header typ JWT": (typed(typ="JWT"), "token-type"),
    "header typ missing": (typed(typ=...), "token-type"),
    "payload typ ID": (bent(typ="ID"), "token-type"),
    "payload typ Refresh": (bent(typ="Refresh"), "token-type"),
    "carries a nonce": (bent(nonce="n"), "token-type"),
    "carries an at_hash": (bent(at_hash="x"), "token-type"),
    "carries events": (bent(events={EVENT: {}}), "token-type"),
    "for the web client": (bent(aud=CLIENT), "token-aud"),
    "for the web client and the API": (bent(aud=[AUDIENCE, CLIENT]), "token-aud"),
    "for another API": (bent(aud="urn:other"), "token-aud"),
    "aud missing": (bent(aud=...), "token-aud"),
    "aud empty": (bent(aud=[]), "token-aud"),
    "another issuer": (bent(iss="http://127.0.0.1:9/evil"), "token-iss"),
    "issuer is a list": (bent(iss=[ISSUER]), "token-iss"),
    "expired": (bent(exp=1), "token-exp"),
    "exp missing": (bent(exp=...), "token-exp"),
    "not valid yet": (bent(nbf=1 << 39), "token-nbf"),
    "issued in the future": (bent(iat=1 << 39), "token-iat"),
    "issued to a person": (bent(sub="alice"), "token-machine"),
    "has a session": (bent(sid="s"), "token-machine"),
    "client_id missing": (bent(client_id=..., sub=...), "token-client_id"),
    "client_id is a list": (bent(client_id=["ci-shop"], sub=["ci-shop"]), "token-client_id"),
    "groups cut off by reference": (bent(groups=..., _claim_names={"groups": "src1"}), "group-overage"),
    "groups is a text": (bent(groups="/sslclm/admins"), "token-groups"),
    "alg none": (lambda op: unsigned({**BEARER, "alg": "none"}, machine(op)), "token-algorithm"),
    "HS256 with the client secret": (
        lambda op: hmac_signed({**BEARER, "alg": "HS256"}, machine(op), SECRET.encode()),
        "token-algorithm",
    ),
    "HS256 with an oct key of the key set": (oct_signed, "token-algorithm"),
    "another key": (lambda op: sign(BEARER, machine(op), OTHER_RSA), "token-signature"),
    "1 MB": (lambda op: sign(BEARER, machine(op)) + "x" * 1_000_000, "token-iss"),
}


@pytest.mark.parametrize("name", CASES)
async def test_refused(name, op, side):
    """Each token that is not a machine's access token for this API is refused with its own rule."""
    make, rule = CASES[name]

    with pytest.raises(TokenRefused) as refusal:
        await side.machine_tokens.verify(make(op))
    assert refusal.value.rule == rule


async def test_the_same_token_unbent_is_accepted(op, side):
    """The cases above fail for what was bent."""
    known = await side.machine_tokens.verify(sign(BEARER, machine(op)))

    assert (known.client_id, known.groups, known.scopes) == ("ci-shop", ("/teams/shop/pipelines",), ("a", "b"))
