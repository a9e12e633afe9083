"""A profile that could never do what it says is refused before anybody relies on it."""

from __future__ import annotations

from datetime import date

import pytest

from domain.errors import InvalidInput
from domain.profiles.policy import check_spec
from domain.profiles.spec import ProfileSpec

GOOD = ProfileSpec(
    name="web",
    issuer_id="issuer-1",
    teams=("team-1",),
    allowed_names=("shop.test", "*.shop.test", "**.dev.test"),
    allowed_addresses=("192.0.2.0/24", "2001:db8::/32", "127.0.0.1/32"),
    max_validity=86_400,
)


def spec(**changes: object) -> ProfileSpec:
    return ProfileSpec(**(GOOD.model_dump() | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"allowed_names": ()},
        {"allowed_addresses": ()},
        {"hard_max_validity": 86_400},
        {"allow_wildcards": True},
        {"extended_key_usages": ("serverAuth", "clientAuth")},
        {"allowed_names": ("localhost",)},
    ],
)
def test_a_possible_profile_passes(changes):
    """What can be issued may be published."""
    check_spec(spec(**changes))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"allowed_names": (), "allowed_addresses": ()}, "profile-names"),
        ({"allowed_names": ("Shop.test",)}, "profile-pattern"),
        ({"allowed_names": ("**",)}, "dns-name-wildcard"),
        ({"allowed_names": ("a.*.test",)}, "dns-name-wildcard"),
        ({"allowed_names": ("münchen.test",)}, "dns-name-not-ascii"),
        ({"allowed_names": ("192.0.2.7",)}, "dns-name-is-address"),
        ({"allowed_names": ("shop.test", "shop.test")}, "profile-duplicate"),
        ({"teams": ("team-1", "team-1")}, "profile-duplicate"),
        ({"key_algorithms": ("EC-P256", "EC-P256")}, "profile-duplicate"),
        ({"allowed_addresses": ("192.0.2.7/24",)}, "profile-network"),
        ({"allowed_addresses": ("192.0.2.0/33",)}, "profile-network"),
        ({"allowed_addresses": ("everywhere\n",)}, "profile-network"),
        ({"allowed_addresses": ("2001:DB8::/32",)}, "profile-network"),
        ({"allowed_addresses": ("192.0.2.7",)}, "profile-network"),
        ({"allowed_addresses": ("fe80::%eth0/64",)}, "profile-network"),
        ({"allowed_addresses": ("0.0.0.0/0",)}, "profile-network"),
        ({"allowed_addresses": ("::/0",)}, "profile-network"),
        ({"hard_max_validity": 86_399}, "profile-validity"),
        ({"max_validity": 300, "backdate": 300}, "profile-validity"),
        ({"allow_wildcards": True, "extended_key_usages": ("clientAuth",)}, "profile-client-wildcard"),
    ],
)
def test_an_impossible_profile_is_refused(changes, rule):
    """Each contradiction has its rule and its fix."""
    with pytest.raises(InvalidInput) as refused:
        check_spec(spec(**changes))

    assert rule == refused.value.rule
    assert refused.value.fix
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@pytest.mark.parametrize("on", [None, date(2026, 11, 23), date(2030, 12, 31)])
def test_112_bits_may_be_listed_through_2030(on):
    """While RSA-2048 may protect something new, a profile may list it."""
    check_spec(spec(key_algorithms=("RSA-2048",)), on=on)


def test_112_bits_may_not_be_listed_afterwards():
    """From 2031 on, a profile that lists RSA-2048 could never issue what it promises."""
    with pytest.raises(InvalidInput, match="RSA-2048") as refused:
        check_spec(spec(key_algorithms=("EC-P256", "RSA-2048")), on=date(2031, 1, 1))

    assert refused.value.rule == "profile-key-strength"
