"""Policy at the command line: exit codes that a pipeline can rely on, tables for people, one document for machines."""

from __future__ import annotations

import json

import pytest

TEAM, PROFILE = (f"{kind}-00000000-0000-4000-8000-000000000001" for kind in ("team", "profile"))
RULE = {
    "rule": "public-trust-100-days", "citation": "CA/B TLS Baseline Requirements 2.2.6 section 6.3.2",
    "effective": "2027-03-15", "until": "2029-03-15", "binds": "issued", "waivable": False, "fix": "ask for 99 days",
}  # fmt: skip
BROKEN = {
    "kind": "renewal", "outcome": "refused", "rule": "public-trust-100-days", "message": "150 days",
    "when": "2027-04-01", "fix": "ask for 99 days", "citation": "CA/B", "teams": [TEAM],
    "names": ["www.shop.com"], "profile_id": PROFILE, "certificate_id": "certificate-1",
}  # fmt: skip


def explained(outcome: str, *verdicts: tuple[str, str]) -> dict[str, object]:
    """Return an explanation with these (verdict, message)s."""
    rules = [{**RULE, "verdict": verdict, "message": message} for verdict, message in verdicts]
    return {
        "outcome": outcome, "on": "2026-11-23", "profile_id": PROFILE, "profile_version": 1, "rules": rules,
        "dns_names": ["www.shop.com"], "ip_addresses": [], "common_name": None, "key_algorithm": "EC-P256",
        "validity": 86_400,
    }  # fmt: skip


@pytest.fixture
def asking(fake, tmp_path):
    """Return a caller of ``sslclm policy explain`` at a server that answers so."""
    (tmp_path / "a.csr").write_text("-----BEGIN CERTIFICATE REQUEST-----")
    given = ("--team", TEAM, "--profile", PROFILE, "--csr", str(tmp_path / "a.csr"))

    def call(outcome: str, *verdicts: tuple[str, str], options: tuple[str, ...] = (), expect: int = 0):
        fake.has("/policy/explain", method="POST", **explained(outcome, *verdicts))
        return fake("policy", "explain", *given, *options, expect=expect)

    return call


@pytest.mark.parametrize(
    ("outcome", "verdict", "code"), [("conforms", "passes", 0), ("waits", "waits", 5), ("refused", "refuses", 1)]
)
def test_the_exit_code_tells_the_outcome(asking, outcome, verdict, code):
    """0: issued at once; 5: a person would decide; 1: refused. Each names the rule's message and what helps."""
    message = "" if verdict == "passes" else "too long"
    result = asking(outcome, (verdict, message), expect=code)

    if code:
        assert "too long" in result.output
        assert "ask for 99 days" in result.output


def test_explaining_sends_no_idempotency_key(asking, fake):
    """It is a question: nothing is made that a repetition could make twice."""
    asking("conforms", ("passes", ""))

    assert "idempotency-key" not in fake.asked[-1].headers


def test_all_rules_are_shown_when_asked_for(asking):
    """Without --all only what objects; with it also what passes and what begins later."""
    verdicts = (("passes", ""), ("not-in-force", ""))

    assert "2 rules, none objects" in asking("conforms", *verdicts).output
    assert "from 2027-03-15" in " ".join(asking("conforms", *verdicts, options=("--all",)).output.split())


def test_the_rules_of_a_day(fake):
    """The day goes to the server, the table names the source."""
    fake.has("/policy/rules", on="2027-03-15", items=[RULE])
    result = fake("policy", "rules", "--date", "2027-03-15", expect=0, env={"COLUMNS": "200"})

    assert "on=2027-03-15" in str(fake.asked[-1].url)
    assert "public-trust-100-days" in result.output
    assert "ask for 99 days" in " ".join(result.output.split())


def test_a_rule_of_this_system_is_in_force_always(fake):
    """Nobody is shown the day on which clocks begin, and what a rule binds is a sentence."""
    fake.has("/policy/rules", on="2027-03-15", items=[RULE | {"effective": "1970-01-01", "binds": "living"}])
    told = fake("policy", "rules", expect=0, env={"COLUMNS": "200"}).stdout

    assert "always" in told
    assert "everything that lives on its day" in told


def test_looking_ahead_fails_where_something_breaks(fake):
    """Exit code 1 and a line per team and rule; the things themselves with --list, everything with --json."""
    fake.has("/policy/preview", on="2027-03-15", items=[BROKEN, BROKEN], examined=2, next_cursor=None, position=7)
    table = fake("policy", "preview", "--date", "2027-03-15", "--list", expect=1)
    document = json.loads(fake("policy", "preview", "--date", "2027-03-15", "--json", expect=1).stdout)

    assert "www.shop.com" in table.output
    assert "On 2027-03-15 2 things break." in table.stdout
    assert "--list" not in table.output
    assert "sslclm:" not in table.output
    assert (2, 2, 1) == (document["examined"], document["broken"], len(document["groups"]))
    assert (2, "2027-04-01") == (document["groups"][0]["count"], document["groups"][0]["first"])


def test_a_finding_names_teams_and_what_to_ask_next(fake):
    """One thing breaks; the next question keeps the day; with --list no id of a team is left in the reason."""
    broken = BROKEN | {"message": f"{TEAM} may not use it"}
    fake.has("/policy/preview", on="2027-03-15", items=[broken], examined=2, next_cursor=None, position=7)
    fake.has("/teams", {"team_id": TEAM, "name": "shop"})
    counted = fake("policy", "preview", "--date", "2027-03-15", expect=1).stdout
    listed = fake("policy", "preview", "--list", expect=1, env={"COLUMNS": "200"}).stdout

    assert "1 thing breaks" in counted
    assert "sslclm policy preview --date 2027-03-15 --list" in counted
    assert "shop may not use it" in listed
    assert TEAM not in listed


def test_looking_ahead_at_a_quiet_day(fake):
    """Exit code 0, and how much was looked at."""
    fake.has("/policy/preview", on="2027-03-14", items=[], examined=3, next_cursor=None, position=7)

    assert "3 certificates" in fake("policy", "preview", "--date", "2027-03-14", expect=0).output


def test_breaches_are_listed(fake):
    """Which certificate breaks which rule."""
    breach = {
        "rule": "key-strength", "citation": "NIST SP 800-57", "message": "RSA-2048 has 112 bits",
        "certificate_id": "certificate-1", "team_id": None, "found_at": "2031-01-01T00:00:00Z",
    }  # fmt: skip
    fake.has("/policy/breaches", breach)

    assert "RSA-2048 has 112 bits" in " ".join(fake("policy", "breaches", expect=0).output.split())
