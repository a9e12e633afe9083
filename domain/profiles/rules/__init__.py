"""The policy: a list of rules, one in a file. A new rule is a new file and a line here."""

from __future__ import annotations

from domain.profiles.facts import Rule
from domain.profiles.rules import (
    a_labels_valid,
    addresses_inside_profile,
    approval_required,
    common_name_repeats,
    host_of_same_team,
    key_algorithm_in_profile,
    key_made_where,
    key_strength,
    key_strength_horizon,
    names_at_most,
    names_inside_profile,
    names_not_reserved,
    names_present,
    profile_by_another,
    team_may_use_profile,
    validity_hard_maximum,
    validity_maximum,
    validity_minimum,
    wildcard_allowed,
    wildcard_public_suffix,
)

RULES: tuple[Rule, ...] = (
    team_may_use_profile.RULE,
    host_of_same_team.RULE,
    names_present.RULE,
    names_at_most.RULE,
    names_inside_profile.RULE,
    addresses_inside_profile.RULE,
    names_not_reserved.RULE,
    a_labels_valid.RULE,
    wildcard_allowed.RULE,
    wildcard_public_suffix.RULE,
    common_name_repeats.RULE,
    validity_minimum.RULE,
    validity_maximum.RULE,
    validity_hard_maximum.RULE,
    key_made_where.RULE,
    key_algorithm_in_profile.RULE,
    key_strength.RULE,
    key_strength_horizon.RULE,
    approval_required.RULE,
    profile_by_another.RULE,
)
