"""What a day to come breaks: profiles, renewals and keys, for whom; nothing is recorded by looking."""

from __future__ import annotations

from collections import Counter

import pytest

from api.cli.preview import look_ahead

DAY = 86_400
PUBLIC = {"allowed_names": ("**.shop.com",), "public_trust": True, "max_validity": 150 * DAY}


@pytest.fixture(scope="module")
def public(lab):
    """A public profile of 150 days, an internal one with RSA-2048, and a certificate of each."""

    async def make() -> dict[str, str]:
        await lab.define("public", "shop", **PUBLIC)
        await lab.define("internal", "shop", max_validity=150 * DAY)
        async with lab.client("dev-anna") as anna:
            bodies = {
                "public": lab.order("www.shop.com", profile="public"),
                "internal": lab.order("www.shop.test", profile="internal"),
            }
            answers = {
                name: await anna.post("/api/v1/orders", json=body, headers=lab.key()) for name, body in bodies.items()
            }
        await lab.backend.views.wait_for(lab.position())
        return {name: answer.json()["certificate_id"] for name, answer in answers.items()}

    return make


@pytest.fixture
async def certificates(public, cache={}):  # noqa: B006 - made once, in the first test's event loop
    """Return the certificates, by profile."""
    if not cache:
        cache.update(await public())
    return cache


async def look(lab, who: str, day: str, **query: object) -> dict[str, object]:
    """Look ahead as somebody."""
    async with lab.client(who) as client:
        answer = await client.get("/api/v1/policy/preview", params={"on": day, **query})
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def test_the_day_of_100_days(lab, certificates):
    """A public profile of 150 days and its certificate's renewal break; the internal ones of 150 days do not."""
    before = lab.position()
    found = await look(lab, "vera", "2027-03-15")

    told = {(one["kind"], one["rule"], one["certificate_id"]) for one in found["items"]}
    rule = "public-trust-100-days"
    assert {("profile", rule, None), ("renewal", rule, certificates["public"])} == told
    assert all("2027-03-15" <= one["when"] and one["fix"] for one in found["items"])
    assert [[lab.team()]] * 2 == [one["teams"] for one in found["items"]]
    assert lab.position() == before


async def test_the_day_before_nothing_breaks(lab, certificates):
    """On 2027-03-14 all is well."""
    assert certificates
    assert [] == (await look(lab, "vera", "2027-03-14"))["items"]


async def test_without_a_day_it_is_the_next_change(lab, certificates):
    """The next day on which a rule begins is what most people want to know about."""
    assert certificates
    async with lab.client("vera") as vera:
        assert "2027-03-15" == (await vera.get("/api/v1/policy/preview")).json()["on"]


async def test_others_see_nothing_of_it(lab, certificates):
    """Each team sees its own; asking for another team shows nothing."""
    assert certificates
    assert [] == (await look(lab, "dev-ben", "2027-03-15"))["items"]
    assert [] == (await look(lab, "dev-ben", "2027-03-15", team=lab.team()))["items"]
    assert 2 == len((await look(lab, "dev-anna", "2027-03-15"))["items"])


async def test_page_by_page_is_the_whole(lab, certificates):
    """A page of one certificate at a time comes to the same, and profiles are told once."""
    assert certificates
    whole = await look(lab, "vera", "2029-03-15")
    items, examined, cursor = [], 0, None
    while True:
        page = await look(lab, "vera", "2029-03-15", limit=1, **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        examined += page["examined"]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert whole["items"] == items
    assert whole["examined"] == examined


@pytest.mark.parametrize("query", [{"on": "2020-01-01"}, {"on": "soon"}, {"on": "2027-03-15", "cursor": "x"}])
async def test_a_bad_question_is_refused(vera, query):
    """A day that is over, one that is none, and a cursor that is none."""
    assert 422 == (await vera.get("/api/v1/policy/preview", params=query)).status_code


def test_the_command_line_counts_and_keeps_little():
    """A hundred thousand broken things are counted per team and rule; few are kept."""
    one = {
        "kind": "renewal", "outcome": "refused", "rule": "r", "fix": "f", "citation": "c", "teams": ["team-1"],
        "names": [], "when": "2027-03-15",
    }  # fmt: skip

    class Pages:
        """A server with five hundred pages of two hundred."""

        asked = 0

        def get(self, _path: str, **_query: object) -> dict[str, object]:
            self.asked += 1
            return {
                "on": "2027-03-15",
                "examined": 200,
                "items": [one] * 200,
                "next_cursor": "more" if self.asked < 500 else None,
            }

    found = look_ahead(Pages(), "2027-03-15", None, 10)

    assert (100_000, 100_000, 10) == (found.examined, found.broken, len(found.items))
    assert Counter({"team-1": 100_000}) == Counter({row["team"]: row["count"] for row in found.rows()})
