"""Settings of a provider: what cannot be right is refused, and what proves a second factor is data."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from domain.errors import PolicyRefused
from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.guard import require_development
from infra.identity.devprovider.realm import DevClient
from infra.identity.settings import MfaRule, ProviderSettings
from tests.support.identity import TurnedClock

GOOD = {
    "name": "corp",
    "issuer": "http://127.0.0.1:9",
    "client_id": "web",
    "client_secret": SecretStr("s"),
    "redirect_uri": "http://127.0.0.1:1/cb",
    "development": True,
}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"development": False}, "https"),
        ({"issuer": "http://op.example"}, "https"),
        ({"issuer": "https://op.example"}, "ca_file is missing"),
        ({"issuer": "https://me:pw@op.example"}, "user information"),
        ({"redirect_uri": "javascript:alert(1)"}, "https"),
        ({"algs": ("HS256",)}, "RS256"),
        ({"algs": ("none",)}, "RS256"),
        ({"algs": ()}, "at least 1"),
        ({"api_audience": "web"}, "must differ"),
        ({"scopes": ("profile",)}, "openid"),
        ({"name": "Corp IdP"}, "pattern"),
        ({"issuers": "x"}, "Extra inputs"),
    ],
)
def test_impossible_settings_are_refused(changed, sentence):
    """Each impossible setting is refused with a sentence that names it."""
    with pytest.raises(ValidationError, match=sentence):
        ProviderSettings(**{**GOOD, **changed})


def test_the_client_secret_is_masked():
    """A dump of the settings shows no secret."""
    assert "very-secret" not in repr(ProviderSettings(**{**GOOD, "client_secret": SecretStr("very-secret")}))


KEYCLOAK = MfaRule(acr=frozenset({"mfa"}), amr_all=(frozenset({"pwd", "otp"}), frozenset({"hwk"})))


@pytest.mark.parametrize(
    ("rule", "acr", "amr", "acrs", "proven"),
    [
        (MfaRule(), "mfa", ["mfa"], ["c1"], False),
        (KEYCLOAK, "mfa", ["pwd", "otp"], [], True),
        (KEYCLOAK, "mfa", ["hwk"], [], True),
        (KEYCLOAK, "mfa", ["pwd"], [], False),
        (KEYCLOAK, "pwd", ["pwd", "otp"], [], False),
        (KEYCLOAK, "MFA", ["pwd", "otp"], [], False),
        (MfaRule(amr_all=(frozenset(),)), "", [], [], False),
        (MfaRule(amr_all=(frozenset({"mfa"}),)), "", ["pwd", "mfa"], [], True),
        (MfaRule(acrs=frozenset({"c1"})), "", [], ["c1"], True),
        (MfaRule(acrs=frozenset({"c1"})), "", [], ["c2"], False),
    ],
)
def test_mfa_rule(rule, acr, amr, acrs, proven):
    """Every part of the rule that is set must hold; an empty rule proves nothing."""
    assert rule.proves(acr, amr, acrs) is proven


@pytest.mark.parametrize("hosts", [["0.0.0.0"], ["127.0.0.1", "192.0.2.1"], ["::"], ["example.org"], [""], []])
def test_development_provider_off_loopback(hosts):
    """It refuses to exist where one listener can be reached from outside."""
    with pytest.raises(PolicyRefused, match="reachable from outside"):
        require_development(development=True, hosts=hosts)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_development_provider_on_loopback(host):
    """It runs on any loopback address in development."""
    require_development(development=True, hosts=[host])


def test_development_provider_outside_development():
    """It refuses to be made outside development mode, on loopback too."""
    client = DevClient(("http://127.0.0.1:1/cb",))
    with pytest.raises(PolicyRefused, match="development mode only"):
        DevProvider("http://127.0.0.1:9", client, development=False, hosts=["127.0.0.1"], clock=TurnedClock())
    with pytest.raises(PolicyRefused, match="reachable from outside"):
        DevProvider("http://192.0.2.7:9", client, development=True, hosts=["127.0.0.1"], clock=TurnedClock())
