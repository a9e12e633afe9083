"""The verdict: conforming, waiting for a person, or refused; never two of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.facts import ALWAYS
from domain.profiles.policy import RULES, Facts, Rule, judge
from domain.profiles.spec import ProfileSpec

SPEC = ProfileSpec(
    name="web",
    issuer_id="issuer-1",
    teams=("team-1",),
    allowed_names=("**.shop.test",),
    max_validity=90 * 86_400,
    hard_max_validity=180 * 86_400,
)
GOOD = Facts(SPEC, "team-1", ("a.shop.test",), (), 90 * 86_400, "host", date(2026, 11, 23))


def test_a_good_request_conforms():
    """Nothing to say: policy approves."""
    judgement = judge(GOOD)

    assert () == judgement.violations
    assert judgement.conforms


def test_a_waivable_violation_waits_for_a_person():
    """Between maximum and hard maximum a person decides; the violation carries what they need to know."""
    judgement = judge(replace(GOOD, validity=SPEC.max_validity + 1))

    assert judgement.waivable
    assert [("validity-maximum", True)] == [(found.rule, found.waivable) for found in judgement.violations]
    assert judgement.violations[0].citation
    assert judgement.violations[0].fix


def test_one_absolute_violation_refuses():
    """What nobody can waive outweighs what somebody could; all violations are told at once."""
    judgement = judge(replace(GOOD, validity=SPEC.max_validity + 1, team="team-2"))

    assert judgement.refused
    assert not judgement.waivable
    assert ["team-may-use-profile", "validity-maximum"] == [found.rule for found in judgement.violations]


@pytest.mark.parametrize(("on", "found"), [(date(2029, 12, 31), 0), (date(2030, 1, 1), 1), (date(2030, 1, 2), 1)])
def test_a_rule_binds_from_its_effective_date(on, found):
    """The day before, the rule is silent; on its day it speaks."""
    rule = Rule("never", "nowhere", date(2030, 1, 1), waivable=False, fix="none", check=lambda _: "no")

    assert found == len(judge(replace(GOOD, on=on), [rule]).violations)


def test_rights_do_not_depend_on_the_clock():
    """A clock set far back switches off no rule about teams, names, keys and approvals."""
    bad = replace(GOOD, team="team-2", dns_names=("evil.test",), host_team="team-3", on=ALWAYS)

    assert {"team-may-use-profile", "host-of-same-team", "names-inside-profile"} == {
        violation.rule for violation in judge(bad).violations
    }


NAMES = st.sampled_from(["a.shop.test", "*.shop.test", "shop.test", "evil.test", "*.test", "xn--a.shop.test"])


@given(
    st.lists(NAMES, max_size=30),
    st.integers(-(10**30), 10**30),
    st.sampled_from([None, "RSA-2048", "EC-P256", "Ed25519"]),
    st.dates(min_value=ALWAYS, max_value=date(9000, 1, 1)),
    st.booleans(),
)
def test_any_facts_give_one_verdict(names, validity, algorithm, on, manual):
    """Whatever is asked, judging ends, with one of three verdicts, and a manual profile never approves by itself."""
    profile = SPEC.model_copy(update={"approval": "manual" if manual else "policy"})
    facts = replace(GOOD, profile=profile, dns_names=tuple(names), validity=validity, key_algorithm=algorithm, on=on)

    judgement = judge(facts, RULES)

    assert [judgement.conforms, judgement.waivable, judgement.refused].count(True) == 1
    assert not (manual and judgement.conforms)
    assert not (judgement.conforms and validity > SPEC.max_validity)
