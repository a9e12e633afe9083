"""Policy has a calendar: what is in force on a day, what binds a certificate that lives, what is explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.profiles.facts import Facts
from domain.profiles.policy import RULES, check_spec, explain, in_force, judge, judge_living
from domain.profiles.public_trust import days_of
from domain.profiles.spec import ProfileSpec

DAY = 86_400
SPEC = ProfileSpec(
    name="web",
    issuer_id="issuer-1",
    teams=("team-1",),
    allowed_names=("**.shop.example",),
    key_algorithms=("EC-P256", "RSA-2048"),
    max_validity=90 * DAY,
    public_trust=True,
)
GOOD = Facts(SPEC, "team-1", ("www.shop.example",), (), 90 * DAY, "client", date(2026, 11, 23), key_algorithm="EC-P256")


def days_in_force(day: date) -> list[str]:
    """Return the maximum validities that are in force on a day."""
    return [rule.name for rule in in_force(day) if rule.name.startswith("public-trust-") and rule.name.endswith("days")]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 14), ["public-trust-398-days"]),
        (date(2026, 3, 15), ["public-trust-200-days"]),
        (date(2027, 3, 15), ["public-trust-100-days"]),
        (date(2029, 3, 14), ["public-trust-100-days"]),
        (date(2029, 3, 15), ["public-trust-47-days"]),
    ],
)
def test_one_maximum_validity_is_in_force_on_each_day(day, expected):
    """The Forum's steps take over from each other, none is left beside its successor."""
    assert expected == days_in_force(day)


@given(st.dates(date(2020, 9, 1), date(2100, 1, 1)))
def test_there_is_no_day_without_a_maximum_validity(day):
    """From 2020-09-01 on, exactly one maximum binds publicly trusted certificates."""
    assert 1 == len(days_in_force(day))


@pytest.mark.parametrize(("seconds", "days"), [(1, 1), (DAY, 1), (DAY + 1, 2), (200 * DAY, 200), (200 * DAY + 1, 201)])
def test_any_excess_counts_as_another_day(seconds, days):
    """Both ends of the validity are inclusive, and a second more is a day more."""
    assert days == days_of(seconds)


def test_a_long_certificate_of_former_days_lives_on():
    """What was issued for 398 days before 2026-03-15 breaks nothing on any later day."""
    old = replace(GOOD, validity=398 * DAY, on=date(2027, 3, 20))

    assert () == judge_living(old, issued=date(2026, 3, 14)).violations
    assert ["public-trust-200-days"] == [one.rule for one in judge_living(old, issued=date(2026, 3, 15)).violations]


def test_a_weak_key_is_found_on_the_day_the_rule_begins():
    """A key of 112 bits lives until the end of 2030 and breaks a rule from the next day on."""
    weak = replace(GOOD, key_algorithm="RSA-2048", validity=40 * DAY, on=date(2030, 12, 31))

    assert () == judge_living(weak, issued=date(2030, 11, 1)).violations
    assert ["key-strength"] == [
        one.rule for one in judge_living(replace(weak, on=date(2031, 1, 1)), issued=date(2030, 11, 1)).violations
    ]


def test_what_only_requests_are_asked_does_not_break_a_living_certificate():
    """Approval, validity by profile and who made the key are questions to requests."""
    manual = SPEC.model_copy(update={"approval": "manual", "max_validity": DAY})
    asked = replace(GOOD, profile=manual, validity=90 * DAY)

    assert judge(asked).violations
    assert () == judge_living(asked, issued=date(2026, 11, 1)).violations


def test_a_living_certificate_outside_its_profile_is_found():
    """Its names are judged by the profile of today."""
    moved = replace(GOOD, profile=SPEC.model_copy(update={"allowed_names": ("other.example",)}))

    assert ["names-inside-profile"] == [one.rule for one in judge_living(moved, issued=date(2026, 11, 1)).violations]


def test_explaining_tells_every_rule():
    """Each rule once, in its order: those that pass and those that are not in force, too."""
    verdicts = explain(replace(GOOD, validity=300 * DAY))

    assert list(RULES) == [one.rule for one in verdicts]
    said = {one.rule.name: one.said for one in verdicts}
    assert "not-in-force" == said["public-trust-100-days"]
    assert "refuses" == said["public-trust-200-days"]
    assert "passes" == said["names-inside-profile"]


@given(
    st.dates(date(2015, 1, 1), date(2040, 1, 1)),
    st.integers(1, 900 * DAY),
    st.sampled_from(["EC-P256", "RSA-2048", "Ed25519", "RSA-1024", None]),
)
def test_explaining_and_judging_agree(day, validity, key):
    """What is explained is what is decided."""
    facts = replace(GOOD, on=day, validity=validity, key_algorithm=key)

    told = [(one.rule.name, one.message) for one in explain(facts) if one.said in {"waits", "refuses"}]

    assert told == [(one.rule, one.message) for one in judge(facts).violations]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"key_algorithms": ("EC-P256", "Ed25519")}, "profile-public-trust-key"),
        ({"max_validity": 200 * DAY + 1}, "profile-public-trust-validity"),
        ({"hard_max_validity": 300 * DAY}, "profile-public-trust-validity"),
    ],
)
def test_a_public_profile_that_no_rule_would_let_pass_is_refused(changes, rule):
    """A profile promises nothing that its requests would be refused for."""
    check_spec(SPEC, on=date(2026, 11, 23))
    with pytest.raises(InvalidInput) as refused:
        check_spec(SPEC.model_copy(update=changes), on=date(2026, 11, 23))

    assert rule == refused.value.rule
    check_spec(SPEC.model_copy(update={**changes, "public_trust": False}), on=date(2026, 11, 23))


def test_rules_of_an_unbroken_calendar():
    """Where a rule ends, another of the same family begins on that very day."""
    ends = {rule.until for rule in RULES if rule.until is not None}

    assert ends <= {rule.effective for rule in RULES}
    assert all(rule.until is None or rule.effective + timedelta(1) < rule.until for rule in RULES)
