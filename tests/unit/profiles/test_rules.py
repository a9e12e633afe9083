"""Each policy rule at its edges: the last request that it lets pass, the first that it stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from domain.profiles.policy import RULES, Facts, judge
from domain.profiles.spec import ProfileSpec

DAY = 86_400
SPEC = ProfileSpec(
    name="web",
    issuer_id="issuer-1",
    teams=("team-1",),
    allowed_names=("shop.test", "*.shop.test", "**.dev.test"),
    allowed_addresses=("192.0.2.0/24", "2001:db8::/32"),
    max_names=3,
    key_algorithms=("EC-P256", "RSA-2048"),
    max_validity=90 * DAY,
    hard_max_validity=180 * DAY,
)
GOOD = Facts(
    profile=SPEC,
    team="team-1",
    dns_names=("shop.test",),
    ip_addresses=(),
    validity=90 * DAY,
    key_made="client",
    on=date(2026, 11, 23),
)


def spec(**changes: object) -> ProfileSpec:
    return SPEC.model_copy(update=changes)


PUBLIC = spec(public_trust=True, max_validity=400 * DAY, hard_max_validity=None)


def public(year: int, month: int, day: int, validity: int) -> dict[str, object]:
    """A request for a publicly trusted certificate on a day; ``validity`` in seconds."""
    return {"profile": PUBLIC, "on": date(year, month, day), "validity": validity}


RESERVED = frozenset({"clm.shop.test", "192.0.2.1"})
CASES = [
    ("team-may-use-profile", {"team": "team-1"}, False),
    ("team-may-use-profile", {"team": "team-2"}, True),
    ("team-may-use-profile", {"team": ""}, True),
    ("host-of-same-team", {"host_team": None}, False),
    ("host-of-same-team", {"host_team": "team-1"}, False),
    ("host-of-same-team", {"host_team": "team-2"}, True),
    ("names-present", {"dns_names": (), "ip_addresses": ("192.0.2.7",)}, False),
    ("names-present", {"dns_names": ()}, True),
    ("names-at-most", {"dns_names": ("shop.test", "a.shop.test", "b.shop.test")}, False),
    ("names-at-most", {"dns_names": ("shop.test", "a.shop.test"), "ip_addresses": ("192.0.2.7", "192.0.2.8")}, True),
    ("names-at-most", {"dns_names": ("shop.test", "shop.test")}, True),
    ("names-inside-profile", {"dns_names": ("a.shop.test", "a.b.dev.test")}, False),
    ("names-inside-profile", {"dns_names": ("shop.test", "a.b.shop.test")}, True),
    ("names-inside-profile", {"dns_names": ("dev.test",)}, True),
    ("names-inside-profile", {"dns_names": ("*.a.shop.test",)}, True),
    ("names-inside-profile", {"dns_names": ("*.test",)}, True),
    ("addresses-inside-profile", {"ip_addresses": ("192.0.2.255", "2001:db8::7")}, False),
    ("addresses-inside-profile", {"ip_addresses": ("192.0.3.0",)}, True),
    ("addresses-inside-profile", {"ip_addresses": ("2001:db9::",)}, True),
    ("addresses-inside-profile", {"ip_addresses": ("192.0.2.7",), "profile": spec(allowed_addresses=())}, True),
    ("names-not-reserved", {"dns_names": ("shop.test",), "reserved": RESERVED}, False),
    ("names-not-reserved", {"dns_names": ("clm.shop.test",), "reserved": RESERVED}, True),
    ("names-not-reserved", {"dns_names": ("*.shop.test",), "reserved": RESERVED}, True),
    ("names-not-reserved", {"dns_names": ("a.clm.shop.test",), "reserved": RESERVED}, False),
    ("names-not-reserved", {"ip_addresses": ("192.0.2.1",), "reserved": RESERVED}, True),
    ("a-labels-valid", {"dns_names": ("xn--mnchen-3ya.dev.test",)}, False),
    ("a-labels-valid", {"dns_names": ("xn--a.dev.test",), "invalid_a_labels": frozenset({"xn--a"})}, True),
    ("wildcard-allowed", {"dns_names": ("*.shop.test",), "profile": spec(allow_wildcards=True)}, False),
    ("wildcard-allowed", {"dns_names": ("shop.test", "*.shop.test")}, True),
    ("wildcard-public-suffix", {"dns_names": ("*.shop.test",), "public_suffixes": frozenset({"test"})}, False),
    ("wildcard-public-suffix", {"dns_names": ("*.test",), "public_suffixes": frozenset({"test"})}, True),
    ("common-name-repeats", {"common_name": "shop.test"}, False),
    ("common-name-repeats", {"common_name": "a.shop.test"}, True),
    ("common-name-repeats", {"common_name": "192.0.2.7", "ip_addresses": ("192.0.2.7",)}, False),
    ("common-name-repeats", {"common_name": "shop.test", "profile": spec(common_name="none")}, True),
    ("common-name-repeats", {"common_name": "a" * 60 + ".dev", "dns_names": ("a" * 60 + ".dev",)}, False),
    ("common-name-repeats", {"common_name": "a" * 61 + ".dev", "dns_names": ("a" * 61 + ".dev",)}, True),
    ("validity-minimum", {"validity": 301}, False),
    ("validity-minimum", {"validity": 300}, True),
    ("validity-minimum", {"validity": -1}, True),
    ("validity-minimum", {"validity": 0, "profile": spec(backdate=0)}, True),
    ("validity-maximum", {"validity": 90 * DAY}, False),
    ("validity-maximum", {"validity": 90 * DAY + 1}, True),
    ("validity-maximum", {"validity": 180 * DAY}, True),
    ("validity-maximum", {"validity": 180 * DAY + 1}, False),
    ("validity-hard-maximum", {"validity": 180 * DAY}, False),
    ("validity-hard-maximum", {"validity": 180 * DAY + 1}, True),
    ("validity-hard-maximum", {"validity": 90 * DAY + 1, "profile": spec(hard_max_validity=None)}, True),
    ("validity-hard-maximum", {"validity": 90 * DAY, "profile": spec(hard_max_validity=None)}, False),
    ("key-made-where", {"key_made": "client"}, False),
    ("key-made-where", {"key_made": "client", "profile": spec(key_made=("host",))}, True),
    ("key-made-where", {"key_made": "host", "profile": spec(key_made=("client",))}, True),
    ("key-algorithm-in-profile", {"key_algorithm": None}, False),
    ("key-algorithm-in-profile", {"key_algorithm": "RSA-2048"}, False),
    ("key-algorithm-in-profile", {"key_algorithm": "RSA-4096"}, True),
    ("key-strength", {"key_algorithm": "RSA-2048", "on": date(2030, 12, 31)}, False),
    ("key-strength", {"key_algorithm": "RSA-2048", "on": date(2031, 1, 1)}, True),
    ("key-strength", {"key_algorithm": "RSA-3072", "on": date(2031, 1, 1)}, False),
    ("key-strength", {"key_algorithm": "EC-P256", "on": date(2031, 1, 1)}, False),
    ("key-strength", {"key_algorithm": None, "on": date(2031, 1, 1)}, False),
    ("key-strength-horizon", {"key_algorithm": "RSA-2048", "on": date(2030, 10, 2)}, False),
    ("key-strength-horizon", {"key_algorithm": "RSA-2048", "on": date(2030, 10, 2), "validity": 90 * DAY + 1}, True),
    ("key-strength-horizon", {"key_algorithm": "RSA-2048", "on": date(2030, 10, 3)}, True),
    ("key-strength-horizon", {"key_algorithm": "EC-P256", "on": date(2030, 10, 3)}, False),
    ("key-strength-horizon", {"key_algorithm": "RSA-2048", "on": date(2031, 1, 1)}, False),
    ("key-strength-minimum", {"key_algorithm": "RSA-2048"}, False),
    ("key-strength-minimum", {"key_algorithm": "RSA-2047"}, True),
    ("key-strength-minimum", {"key_algorithm": "EC-P192"}, True),
    ("key-strength-minimum", {"key_algorithm": "DSA-3072"}, True),
    ("sha1-never", {"hashes": ("sha256",)}, False),
    ("sha1-never", {"hashes": ("sha1",)}, True),
    ("public-trust-398-days", public(2026, 3, 14, 398 * DAY), False),
    ("public-trust-398-days", public(2026, 3, 14, 398 * DAY + 1), True),
    ("public-trust-398-days", public(2026, 3, 15, 398 * DAY + 1), False),
    ("public-trust-200-days", public(2026, 3, 14, 200 * DAY + 1), False),
    ("public-trust-200-days", public(2026, 3, 15, 200 * DAY), False),
    ("public-trust-200-days", public(2026, 3, 15, 200 * DAY + 1), True),
    ("public-trust-200-days", public(2027, 3, 14, 200 * DAY + 1), True),
    ("public-trust-100-days", public(2027, 3, 14, 100 * DAY + 1), False),
    ("public-trust-100-days", public(2027, 3, 15, 100 * DAY), False),
    ("public-trust-100-days", public(2027, 3, 15, 100 * DAY + 1), True),
    ("public-trust-100-days", public(2029, 3, 14, 100 * DAY + 1), True),
    ("public-trust-47-days", public(2029, 3, 14, 47 * DAY + 1), False),
    ("public-trust-47-days", public(2029, 3, 15, 47 * DAY), False),
    ("public-trust-47-days", public(2029, 3, 15, 47 * DAY + 1), True),
    ("public-trust-47-days", public(2099, 3, 15, 48 * DAY), True),
    ("public-trust-47-days", {"on": date(2029, 3, 15), "validity": 90 * DAY}, False),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "EC-P521"}, False),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "RSA-2048"}, False),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "RSA-2056"}, False),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "RSA-2050"}, True),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "RSA-1024"}, True),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "Ed25519"}, True),
    ("public-trust-key", {"profile": PUBLIC, "key_algorithm": "ML-DSA-65"}, True),
    ("public-trust-key", {"key_algorithm": "Ed25519"}, False),
    ("public-trust-names", {"profile": PUBLIC, "internal_names": frozenset()}, False),
    ("public-trust-names", {"profile": PUBLIC, "internal_names": frozenset({"shop.test"})}, True),
    ("public-trust-names", {"internal_names": frozenset({"shop.test"})}, False),
    ("public-trust-names", {"profile": PUBLIC, "ip_addresses": ("1.1.1.1",)}, False),
    ("public-trust-names", {"profile": PUBLIC, "ip_addresses": ("10.0.0.1",)}, True),
    ("public-trust-names", {"profile": PUBLIC, "ip_addresses": ("fc00::1",)}, True),
    ("approval-required", {"profile": spec(approval="policy")}, False),
    ("approval-required", {"profile": spec(approval="manual")}, True),
    ("profile-by-another", {"own_profile": False}, False),
    ("profile-by-another", {"own_profile": True}, True),
]


@pytest.mark.parametrize(("rule", "changes", "violated"), CASES)
def test_a_rule_at_its_edge(rule, changes, violated):
    """The rule speaks exactly where the table says so."""
    judgement = judge(replace(GOOD, **changes))

    assert violated == (rule in {violation.rule for violation in judgement.violations})


def test_every_rule_has_cases_on_both_sides():
    """A rule without a case that it stops and one that it lets pass is not tested."""
    names = {rule.name for rule in RULES}

    assert names == {rule for rule, _, violated in CASES if violated}
    assert names == {rule for rule, _, violated in CASES if not violated}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_where_it_comes_from(rule):
    """Name, citation, date and fix are there for the auditor and the requester."""
    assert rule.name == rule.name.lower().replace("_", "-")
    assert rule.citation
    assert rule.fix
    assert rule.effective.year >= 1970


def test_no_two_rules_share_a_name():
    """A violation's name leads to one rule."""
    assert len(RULES) == len({rule.name for rule in RULES})
