"""Ways to bend a good answer of an identity provider: each returns what an attack does to the provider."""

from __future__ import annotations

from tests.support.hostile_op import (
    CLIENT,
    OTHER_RSA,
    RSA,
    encoded,
    hmac_signed,
    sign,
)

PEM = RSA.as_pem(private=False)
PUBLIC_JWK = RSA.as_dict(private=False)


def claims(**changed):
    """Bend claims; ``...`` leaves one out."""
    return lambda op: op.claims.update(changed)


def later(**offsets):
    """Bend times, in seconds from now."""
    return lambda op: op.claims.update({name: int(op.clock().timestamp()) + by for name, by in offsets.items()})


def header(key=RSA, **changed):
    """Bend the header and the key that signs."""

    def bend(op):
        op.header.update(changed)
        op.token = lambda head, body: sign({n: v for n, v in head.items() if v is not ...}, body, key)

    return bend


def raw(make, *algs):
    """Replace the token as a whole, with more algorithms advertised."""

    def bend(op):
        op.advertise(*algs)
        op.token = make

    return bend


def attribute(name, **changed):
    """Bend the callback, the discovery document or the token response."""
    return lambda op: getattr(op, name).update(changed)


def secret(value):
    """Sign with HS256 under something an attacker knows."""
    return raw(lambda head, body: hmac_signed({**head, "alg": "HS256"}, body, value), "HS256")


def oct_key(op):
    """Publish a symmetric key and sign with it."""
    op.keys.append({"kty": "oct", "kid": "sym", "k": encoded(b"s" * 32).decode()})
    secret(b"s" * 32)(op)
    op.header["kid"] = "sym"


def enc_key(op):
    """Publish the signing key for encryption only."""
    op.keys[0]["use"] = "enc"


def two_keys_no_kid(op):
    """Leave the choice among two keys to the verifier."""
    op.keys.append({**OTHER_RSA.as_dict(private=False), "kid": "k2"})
    header(kid=...)(op)


def access_token_shape(op):
    """Answer with an access token of this client where the id_token belongs (Keycloak's shape)."""
    header(typ="at+jwt")(op)
    op.claims.update(aud="urn:sslclm:api", azp=CLIENT, typ="Bearer")


def exchanged(head, body):
    """Put another payload under a good signature."""
    first, _, last = sign(head, body).split(".")
    return f"{first}.{encoded({**body, 'sub': 'admin'}).decode()}.{last}"
