"""Every known way to pass a bad id_token, by name; each must be refused with its rule."""

from __future__ import annotations

import json

import pytest

from commands.ports.signin import SignInRefused
from domain.errors import Unavailable
from tests.support.bent_tokens import (
    PEM,
    PUBLIC_JWK,
    access_token_shape,
    attribute,
    claims,
    enc_key,
    exchanged,
    header,
    later,
    oct_key,
    raw,
    secret,
    two_keys_no_kid,
)
from tests.support.hostile_op import (
    CLIENT,
    EVENT,
    ISSUER,
    OTHER_EC,
    OTHER_RSA,
    SECRET,
    encoded,
    sign,
    unsigned,
)

NONE = {"alg": "none"}
CASES = {
    "alg none": (raw(lambda _, body: unsigned(NONE, body)), "token-algorithm"),
    "alg none, advertised": (raw(lambda _, body: unsigned(NONE, body), "none"), "token-algorithm"),
    "alg nOnE, advertised": (raw(lambda _, body: unsigned({"alg": "nOnE"}, body), "nOnE"), "token-algorithm"),
    "alg none with kid": (raw(lambda head, body: unsigned({**head, **NONE}, body), "none"), "token-algorithm"),
    "HS256 with the public PEM": (secret(PEM), "token-algorithm"),
    "HS256 with the public JWK": (secret(json.dumps(PUBLIC_JWK).encode()), "token-algorithm"),
    "HS256 with nothing": (secret(b""), "token-algorithm"),
    "HS256 with the client secret": (secret(SECRET.encode()), "token-algorithm"),
    "HS256 with an oct key of the key set": (oct_key, "token-algorithm"),
    "RS512, advertised but not pinned": (header(alg="RS512"), "token-algorithm"),
    "alg is a list": (raw(lambda head, body: unsigned({**head, "alg": ["RS256"]}, body, b"x")), "token-algorithm"),
    "alg missing": (raw(lambda _, body: unsigned({"kid": "k1"}, body, b"x")), "token-signature"),
    "kid is a list": (raw(lambda head, body: unsigned({**head, "kid": ["k1"]}, body, b"x")), "token-key"),
    "kid is empty": (header(kid=""), "token-key"),
    "kid unknown": (header(kid="k9"), "token-key"),
    "no kid among two keys": (two_keys_no_kid, "token-key"),
    "key is for encryption": (enc_key, "token-key"),
    "other key, same kid": (header(OTHER_RSA), "token-signature"),
    "other kind of key, same kid": (header(OTHER_EC, alg="ES256"), "token-key"),
    "jwk header, RSA": (header(OTHER_RSA, jwk=OTHER_RSA.as_dict(private=False)), "token-header"),
    "jwk header, EC": (header(OTHER_EC, alg="ES256", jwk=OTHER_EC.as_dict(private=False)), "token-header"),
    "jku header": (header(OTHER_RSA, jku="http://127.0.0.1:9/evil"), "token-signature"),
    "unknown crit": (header(crit=["exp2"], exp2=1), "token-header"),
    "unencoded payload (b64)": (header(crit=["b64"], b64=False), "token-header"),
    "signature cut off": (raw(lambda head, body: sign(head, body).rpartition(".")[0] + "."), "token-signature"),
    "payload exchanged": (raw(exchanged), "token-signature"),
    "five parts, as a JWE": (raw(lambda head, body: sign(head, body) + ".x.y"), "token-signature"),
    "not ASCII": (raw(lambda head, body: sign(head, body) + "é"), "token-form"),
    "100 kB": (claims(padding="x" * 100_000), "token-form"),
    "a number": (attribute("answer", id_token=7), "token-form"),
    "no id_token in the answer": (attribute("answer", id_token=...), "token-form"),
    "an opaque refresh token": (attribute("answer", id_token="refresh-1"), "token-signature"),
    "payload is a list": (raw(lambda head, _: sign(head, b"[]")), "token-form"),
    "payload with exp twice": (raw(lambda head, _: sign(head, b'{"exp":1,"exp":2}')), "token-signature"),
    "payload nested 20,000 deep": (raw(lambda head, _: sign(head, b"[" * 20_000)), "token-signature"),
    "nonce of another request": (claims(nonce="another"), "token-nonce"),
    "nonce missing": (claims(nonce=...), "token-nonce"),
    "nonce is a list": (claims(nonce=["n"]), "token-nonce"),
    "nonce outside ASCII": (claims(nonce="é"), "token-nonce"),
    "aud is another": (claims(aud="other"), "token-aud"),
    "aud is another, azp is us": (claims(aud="other", azp=CLIENT), "token-aud"),
    "aud is an empty list": (claims(aud=[]), "token-aud"),
    "aud is an empty text": (claims(aud=""), "token-aud"),
    "aud is missing": (claims(aud=...), "token-aud"),
    "aud is an object": (claims(aud={CLIENT: 1}), "token-aud"),
    "two audiences, no azp": (claims(aud=[CLIENT, "other"]), "token-azp"),
    "two audiences, azp another": (claims(aud=[CLIENT, "other"], azp="other"), "token-azp"),
    "one audience, azp another": (claims(azp="other"), "token-azp"),
    "iss is another": (claims(iss="http://127.0.0.1:9/evil"), "token-iss"),
    "iss with a trailing slash": (claims(iss=f"{ISSUER}/"), "token-iss"),
    "iss missing": (claims(iss=...), "token-iss"),
    "expired an hour ago": (later(exp=-3600), "token-exp"),
    "expired 90 seconds ago": (later(exp=-90), "token-exp"),
    "exp missing": (claims(exp=...), "token-exp"),
    "exp is a text": (claims(exp="9999999999"), "token-exp"),
    "exp is true": (claims(exp=True), "token-exp"),
    "exp is NaN": (claims(exp=float("nan")), "token-signature"),
    "exp is infinite": (claims(exp=float("inf")), "token-signature"),
    "exp beyond any time": (claims(exp=10**300), "token-exp"),
    "iat in the future": (later(iat=120), "token-iat"),
    "iat missing": (claims(iat=...), "token-iat"),
    "iat two days old": (later(iat=-172_800), "token-iat"),
    "nbf in the future": (later(nbf=120), "token-nbf"),
    "at_hash of another token": (claims(at_hash=encoded(b"0" * 16).decode()), "token-at_hash"),
    "at_hash is a number": (claims(at_hash=7), "token-at_hash"),
    "amr is a text": (claims(amr="pwd otp"), "token-amr"),
    "amr holds a number": (claims(amr=["pwd", 1]), "token-amr"),
    "auth_time in the year 34,000": (claims(auth_time=10**12), "token-auth_time"),
    "auth_time in the future": (later(auth_time=120), "token-auth_time"),
    "auth_time is a text": (claims(auth_time="now"), "token-auth_time"),
    "acr is a list": (claims(acr=["mfa"]), "token-acr"),
    "sub missing": (claims(sub=...), "token-sub"),
    "sub is a number": (claims(sub=7), "token-sub"),
    "sub is empty": (claims(sub=""), "token-sub"),
    "sub of 256 characters": (claims(sub="x" * 256), "token-sub"),
    "groups is a text with a comma": (claims(groups="/sslclm/viewers,/sslclm/admins"), "token-groups"),
    "groups by reference (Entra)": (claims(groups=..., _claim_names={"groups": "src1"}), "group-overage"),
    "exactly 100 groups (Okta)": (claims(groups=[f"g{n}" for n in range(100)]), "group-overage"),
    "access token as id_token": (access_token_shape, "token-type"),
    "access token as id_token, typ JWT": (claims(aud="urn:sslclm:api", azp=CLIENT), "token-aud"),
    "logout token as id_token": (claims(events={EVENT: {}}), "token-type"),
    "Keycloak's refresh token as id_token": (claims(typ="Refresh"), "token-type"),
    "RFC 9207 iss of another provider": (attribute("callback", iss="http://127.0.0.1:9/evil"), "sign-in-issuer"),
    "RFC 9207 iss missing though promised": (attribute("callback", iss=None), "sign-in-issuer"),
    "RFC 9207 iss outside ASCII": (attribute("callback", iss="é"), "sign-in-issuer"),
    "error with the wrong iss": (attribute("callback", iss="x", error="access_denied"), "sign-in-issuer"),
    "error beside a code": (attribute("callback", error="<script>"), "provider-refused"),
    "no code": (attribute("callback", code=None), "sign-in-code"),
    "code with half a surrogate pair": (attribute("callback", code="\ud800"), "sign-in-code"),
    "code of 5 kB": (attribute("callback", code="x" * 5000), "sign-in-code"),
    "sub with half a surrogate pair": (claims(sub="\ud800"), "token-signature"),
    "name with half a surrogate pair": (claims(name="\udfff"), "token-signature"),
    "iss parameter with half a surrogate pair": (attribute("callback", iss="\ud800"), "sign-in-issuer"),
    "token response is no bearer": (attribute("answer", token_type="mac"), "token-response"),
}


@pytest.mark.parametrize("name", CASES)
async def test_refused(name, op, attempt):
    """Each bent answer is refused with its own rule, and the text quotes nothing of it."""
    bend, rule = CASES[name]
    bend(op)

    with pytest.raises(SignInRefused) as refusal:
        await attempt()
    assert refusal.value.rule == rule
    assert "script" not in str(refusal.value)


async def test_the_same_answer_unbent_is_accepted(attempt):
    """The cases above fail for what was bent, not because nothing is ever accepted."""
    finished = await attempt()

    assert (finished.signed_in.subject, finished.signed_in.mfa) == ("alice", True)


HARMLESS = {
    "no kid and one key": header(kid=...),
    "a 2 kB x5c header": header(x5c=["x" * 2000]),
    "an unknown header member": header(extra=1),
    "expired within the leeway": later(exp=-30),
    "aud as a list": claims(aud=[CLIENT]),
    "two audiences, azp us": claims(aud=[CLIENT, "other"], azp=CLIENT),
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_harmless_is_accepted(name, op, attempt):
    """What real providers send is not refused."""
    HARMLESS[name](op)

    assert (await attempt()).signed_in.subject == "alice"


DISCOVERY = {
    "foreign issuer, token too": ({"issuer": "http://127.0.0.1:9/evil"}, "provider-issuer"),
    "issuer with a trailing slash": ({"issuer": f"{ISSUER}/"}, "provider-issuer"),
    "issuer missing": ({"issuer": None}, "provider-issuer"),
    "token endpoint elsewhere without TLS": ({"token_endpoint": "http://198.51.100.7/token"}, "provider-endpoint"),
    "key set from a file": ({"jwks_uri": "file:///etc/passwd"}, "provider-endpoint"),
    "authorization endpoint runs script": ({"authorization_endpoint": "javascript:alert(1)"}, "provider-endpoint"),
}


@pytest.mark.parametrize("name", DISCOVERY)
async def test_discovery_is_refused(name, op, attempt):
    """A discovery document that is not our provider's stops the sign-in before the browser leaves."""
    changed, rule = DISCOVERY[name]
    op.discovery.update(changed)

    with pytest.raises(Unavailable) as refusal:
        await attempt()
    assert refusal.value.rule == rule


STEP_UP = {
    "acr weak": (claims(acr="pwd"), "step-up-without-mfa"),
    "acr missing": (claims(acr=...), "step-up-without-mfa"),
    "acr claims mfa, amr names a password only": (claims(amr=["pwd"]), "step-up-without-mfa"),
    "amr missing": (claims(amr=...), "step-up-without-mfa"),
    "auth_time missing": (claims(auth_time=...), "token-auth_time"),
    "auth_time is a text": (claims(auth_time="now"), "token-auth_time"),
    "auth_time an hour ago": (later(auth_time=-3600), "token-auth_time"),
    "auth_time before we asked": (later(auth_time=-45), "token-auth_time"),
    "auth_time in the future": (later(auth_time=120), "token-auth_time"),
}


@pytest.mark.parametrize("name", STEP_UP)
async def test_step_up_is_refused(name, op, attempt):
    """A step-up needs a second factor proven by acr and amr, in an authentication that is new."""
    bend, rule = STEP_UP[name]
    bend(op)

    with pytest.raises(SignInRefused) as refusal:
        await attempt(step_up="reveal:key-1")
    assert refusal.value.rule == rule


@pytest.mark.parametrize("name", ["acr weak", "acr missing", "amr missing"])
async def test_weak_sign_in_never_counts_as_mfa(name, op, attempt):
    """Without step-up a weak sign-in is a sign-in, and proves no second factor."""
    STEP_UP[name][0](op)

    assert not (await attempt()).signed_in.mfa


async def test_max_age_needs_auth_time(op, attempt):
    """Where we asked for a fresh authentication, its time must be told."""
    op.claims["auth_time"] = ...

    with pytest.raises(SignInRefused, match="auth_time"):
        await attempt(max_age=60)
