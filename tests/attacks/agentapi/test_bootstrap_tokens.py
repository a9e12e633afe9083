"""Bootstrap tokens: whatever is wrong with one, the answer is the same, and nothing but a refusal is recorded."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.agent.enrolment import Enrolment
from api.app import people_app
from domain.access.refusal import Refusal
from domain.hosts.host import Host
from tests.support.agent_edge import csr_of, decoded, new_key


def _token(**told):
    return "sslclm-bt1." + base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def _opened(token):
    return json.loads(decoded(token.removeprefix("sslclm-bt1.")))


@pytest.fixture(autouse=True)
def a_minute_later(lab):
    """Every test has a minute's enrolments of its own."""
    lab.lab.clock.forward(61)


async def _refused(lab, token, **changes):
    """Try a token; return the answer without what is unique in it, having seen that nothing changed."""
    before = lab.lab.position()
    answer = await lab.enrol(token, **changes)
    assert set(lab.lab.topics(before)) <= {Refusal.Refused.TOPIC}
    told = answer.json()
    told.pop("correlation_id")
    return answer.status_code, answer.headers["content-type"], told


async def test_every_bad_token_gets_one_and_the_same_answer(lab):
    """Used, replaced, expired, foreign, unknown and guessed tokens cannot be told apart."""
    used, replaced, expired = [await lab.lab.host(f"{name}.shop.test") for name in ("used", "replaced", "expired")]
    spent = await lab.token(used)
    (await lab.enrol(spent)).raise_for_status()
    former = await lab.token(replaced)
    await lab.token(replaced)
    late = await lab.token(expired, valid_seconds=60)
    lab.lab.clock.forward(61)
    foreign = _token(**{**_opened(former), "host": "used.shop.test"})
    guessed = _token(host="replaced.shop.test", secret="A" * 43)
    unknown = _token(host="nobody.shop.test", secret="A" * 43)
    answers = [await _refused(lab, token) for token in (spent, former, late, foreign, guessed, unknown)]

    assert (403, "application/problem+json", "bootstrap-token") == (*answers[0][:2], answers[0][2]["rule"])
    assert [answers[0]] * 6 == answers


MALFORMED = {
    "empty": "",
    "prefix only": "sslclm-bt1.",
    "other prefix": "sslclm-bt2.e30",
    "no base64": "sslclm-bt1.%%%%",
    "no UTF-8": "sslclm-bt1." + base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    "no JSON": "sslclm-bt1." + base64.urlsafe_b64encode(b"{").decode(),
    "a list": "sslclm-bt1." + base64.urlsafe_b64encode(b"[1]").decode(),
    "a deep list": "sslclm-bt1." + base64.urlsafe_b64encode(b"[" * 1_500).decode(),
    "a huge number": "sslclm-bt1." + base64.urlsafe_b64encode(b"9" * 1_500).decode(),
    "no secret": _token(host="a.shop.test"),
    "a number for a host": _token(host=1, secret="A" * 43),
    "a null secret": _token(host="a.shop.test", secret=None),
    "a short secret": _token(host="a.shop.test", secret="A"),
    "a long secret": _token(host="a.shop.test", secret="A" * 1_000),
    "a lone surrogate": _token(host="a.shop.test", secret="\ud800" * 20),
    "a surrogate host": _token(host="\ud800", secret="A" * 43),
    "NUL": _token(host="a\0.shop.test", secret="A" * 43),
    "non-ASCII": "sslclm-bt1.ä",
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_malformed_token_is_an_unknown_token(lab, kind):
    """Whatever is in it, a malformed token is answered as an unknown one; never a 500."""
    unknown = await _refused(lab, _token(host="nobody.shop.test", secret="A" * 43))

    assert unknown == await _refused(lab, MALFORMED[kind])


async def test_a_malformed_secret_for_a_real_host_is_an_unknown_token(lab):
    """A secret of any shape tells nothing about the host that it names."""
    await lab.lab.host("real.shop.test")
    unknown = await _refused(lab, _token(host="nobody.shop.test", secret="A" * 43))
    for secret in ("A", "A" * 1_000, "\ud800" * 20, "\0" * 20, "ä" * 20):
        assert unknown == await _refused(lab, _token(host="real.shop.test", secret=secret))


async def test_a_disabled_host_does_not_enrol(lab):
    """The token of a host that was disabled meanwhile is an unknown token."""
    host = await lab.lab.host("gone.shop.test")
    token = await lab.token(host)
    async with lab.lab.client("adam") as adam:
        (await adam.post(f"/api/v1/hosts/{host}/disable", json={}, headers=lab.lab.key())).raise_for_status()

    assert (403, "bootstrap-token") == ((answer := await _refused(lab, token))[0], answer[2]["rule"])


BAD_CSRS = {
    "oversized": ("-----BEGIN CERTIFICATE REQUEST-----\n" + "A" * 66_000, "invalid-input"),
    "no PEM": ("hello", None),
    "another key type": (csr_of(ec.generate_private_key(ec.SECP384R1())), "agent-key"),
}


@pytest.mark.parametrize("kind", BAD_CSRS)
async def test_a_bad_csr_does_not_spend_the_token(lab, kind):
    """The problem names the rule, nothing is recorded, and the token is still good."""
    csr, rule = BAD_CSRS[kind]
    host = await lab.lab.host(f"csr-{kind.replace(' ', '-').lower()}.shop.test")
    token = await lab.token(host)
    status, media, told = await _refused(lab, token, csr=csr)

    assert (422, "application/problem+json") == (status, media)
    assert rule in (None, told["rule"])
    assert 201 == (await lab.enrol(token)).status_code


async def test_names_in_an_agents_csr_have_no_effect(lab):
    """An agent that asks for another host's name gets its own host's certificate, without that name."""
    host = await lab.lab.host("modest.shop.test")
    answer = await lab.enrol(await lab.token(host), csr=csr_of(new_key(), "victim.shop.test"))

    assert host == answer.raise_for_status().json()["host_id"]
    assert Host.id_for("modest.shop.test") == host
    assert "victim" not in str(_certificate(answer))


def _certificate(answer):
    pem = answer.json()["certificate_chain"][0]
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


async def test_guessing_is_slowed_down(lab):
    """The 31st enrolment of one address in a minute is refused with 429; a minute later it goes on."""
    app = people_app(lab.lab.edge)
    body = {"token": "x", "csr": "x", "agent_version": "1", "platform": "t"}
    async with lab.lab.client(app=app) as stranger:
        answers = [await stranger.post("/agent/v1/enrol", json=body) for _ in range(31)]
        lab.lab.clock.forward(61)
        later = await stranger.post("/agent/v1/enrol", json=body)

    assert [403] * 30 + [429] == [answer.status_code for answer in answers]
    assert ("enrolment-rate", "60") == (answers[-1].json()["rule"], answers[-1].headers["retry-after"])
    assert 403 == later.status_code


WRONG_BODIES = {
    "not JSON": (b"hello", "application/json"),
    "another media type": (b"token=x", "application/x-www-form-urlencoded"),
    "no media type": (b"{}", ""),
    "no UTF-8": (b"\xff\xfe{}", "application/json"),
    "a deep list": (b"[" * 100_000, "application/json"),
    "a list": (b"[]", "application/json"),
    "an unknown member": (b'{"token":"x","csr":"x","agent_version":"1","platform":"t","role":"x"}', "application/json"),
    "a surrogate": (b'{"token":"x","csr":"\\ud800","agent_version":"1","platform":"t"}', "application/json"),
    "a number": (b'{"token":1,"csr":"x","agent_version":"1","platform":"t"}', "application/json"),
}


@pytest.mark.parametrize("kind", WRONG_BODIES)
async def test_a_wrong_body_is_a_clear_problem(lab, kind):
    """It is 4xx with a problem document that repeats nothing of what was sent."""
    content, media = WRONG_BODIES[kind]
    before = lab.lab.position()
    async with lab.lab.client() as stranger:
        answer = await stranger.post(
            "/agent/v1/enrol", content=content, headers={"content-type": media} if media else {}
        )

    assert 400 <= answer.status_code < 500
    assert "application/problem+json" == answer.headers["content-type"]
    assert before == lab.lab.position()


def test_the_token_never_shows_in_a_repr():
    """What the endpoint reads does not print its token."""
    body = Enrolment(token="secret-canary", csr="x", agent_version="1", platform="t")
    assert "secret-canary" not in repr(body)
