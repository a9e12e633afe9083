"""Any bytes, any claims, any header: a token is believed or refused, and nothing else ever happens."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager, suppress

from hypothesis import given
from hypothesis import strategies as st

from commands.ports.signin import MachineIdentity, SignInRefused, TokenRefused
from domain.errors import InvalidInput
from infra.identity.cli_codes import check_cli_request
from infra.identity.evidence import evidence_from, pack, unpack, without_tokens
from infra.identity.jwks import usable
from infra.identity.wiring import identity
from tests.support.hostile_op import BEARER, RSA, HostileOp, encoded, machine, settings, sign
from tests.support.identity import TurnedClock, identity_records, sealer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["iss", "aud", "sub", "client_id", "iat", "exp", "nbf", "groups", "scope", "azp", "jti", "sid", "typ", "amr", "acr"]
)
HEADERS = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "b64", "cty"])
CLOCK = TurnedClock()


@contextmanager
def _side():
    op = HostileOp(CLOCK)
    made = identity([settings()], records=identity_records(), sealer=sealer(), clock=CLOCK, over=op.transport())
    try:
        yield op, made
    finally:
        made.records.close()


def _verdict(make):
    with _side() as (op, side):
        token = make(op)
        try:
            return asyncio.run(side.machine_tokens.verify(token))
        except TokenRefused:
            return None
        finally:
            with suppress(TokenRefused):
                asyncio.run(side.sign_out.back_channel(token))


@given(st.text(max_size=200) | st.from_regex(r"\A[\w-]{0,40}\.[\w-]{0,80}\.[\w-]{0,40}\Z"))
def test_any_text(token):
    """Text that is no token of ours is refused."""
    assert _verdict(lambda _: token) is None


@given(st.dictionaries(NAMES, JSON, max_size=4))
def test_any_claims(changed):
    """Properly signed claims of any kind are believed or refused."""
    known = _verdict(lambda op: sign(BEARER, json.dumps(machine(op) | changed).encode()))

    assert known is None or (isinstance(known, MachineIdentity) and known.client_id)


@given(st.dictionaries(HEADERS, JSON, min_size=1, max_size=3))
def test_any_header(changed):
    """A header of any kind over a signature that does not cover it is refused."""

    def make(op):
        _, payload, signature = sign(BEARER, machine(op)).split(".")
        return f"{encoded(BEARER | changed).decode()}.{payload}.{signature}"

    assert changed.items() <= BEARER.items() or _verdict(make) is None


@given(st.integers(0, 2000), st.integers(1, 255))
def test_any_flipped_bit(at, flip):
    """A token changed in any place is refused."""

    def make(op):
        token = bytearray(sign(BEARER, machine(op)).encode())
        token[at % (len(token) - 2)] ^= flip  # the last characters hold bits that base64url ignores
        return token.decode("latin-1")

    assert _verdict(make) is None


@given(JSON)
def test_any_key_set(document):
    """Whatever stands where keys should be, what remains are usable public keys."""
    public = RSA.as_dict(private=False)

    assert usable({"keys": document}) == ()
    assert [key.kid for key in usable({"keys": [document, {"kty": document}, {**public, "n": document}, public]})] == [
        "k1"
    ]


@given(
    st.dictionaries(NAMES | st.sampled_from(["name", "email", "_claim_names", "auth_time", "acrs"]), JSON, max_size=4)
)
def test_any_evidence(changed):
    """Claims of any kind become evidence that survives its sealed form, or are refused."""
    try:
        evidence = evidence_from(settings(), {"sub": "alice"} | changed, {"id_token": "x"})
    except (TokenRefused, SignInRefused):
        return

    assert without_tokens(unpack(pack(evidence))) == without_tokens(evidence)


@given(st.text(max_size=60) | st.text("http:/[]@127.0.0.1:89?#", max_size=40))
def test_any_cli_redirect(uri):
    """A redirect of the command line is a loopback address or refused."""
    try:
        check_cli_request("x" * 43, uri)
    except InvalidInput:
        return

    assert uri.startswith(("http://127.0.0.1:", "http://[::1]:"))
