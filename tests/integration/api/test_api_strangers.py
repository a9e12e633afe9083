"""Callers who are not who they say, paths and headers that are none: problem documents, and nothing changes."""

from __future__ import annotations

import pytest

from tests.support.edge import csr_pem

pytestmark = pytest.mark.usefixtures("only_refusals")
ORDERS = "/api/v1/orders"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer a.b.c", "Bearer a.b", "Bearer " + "x" * 20_000, "ü"],
)
async def test_a_proof_of_identity_that_is_none_is_a_401(lab, header):
    """Forged, cut off, of another kind: the same answer, with a challenge."""
    async with lab.client() as client:
        answer = await client.get("/api/v1/me", headers={"Authorization": header.encode("latin-1")})

    assert 401 == answer.status_code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_browsers_unsafe_call_needs_its_csrf_token(lab):
    """A foreign page can send the cookie, but not the header."""
    browser, session = lab.browser("dev-anna")
    async with browser:
        answers = [
            await browser.post(ORDERS, content=b"{}", headers=JSON | lab.key() | token)
            for token in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": session.csrf_token})
        ]

    assert [403, 403, 403, 422] == [one.status_code for one in answers]
    assert ["csrf"] * 3 == [one.json()["rule"] for one in answers[:3]]


async def test_a_browsers_token_is_no_bearer_token_and_the_other_way_round(lab):
    """Each kind of session comes by its own way only."""
    browser, _ = lab.browser("dev-anna")
    stolen = browser.headers["Cookie"].partition("=")[2]
    async with browser, lab.client() as client:
        as_bearer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {stolen}"})
        as_cookie = await client.get("/api/v1/me", headers={"Cookie": f"__Host-sslclm={lab.token('dev-anna')}"})

    assert [401, 401] == [as_bearer.status_code, as_cookie.status_code]


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/orders/", "/docs", "/redoc", "/api/v2/orders", "/%2e%2e"]
)
async def test_unknown_paths_are_problem_documents_too(anna, path):
    """404 in the same form; there is no page with foreign scripts."""
    answer = await anna.get(path)

    assert (404, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


async def test_an_unexpected_error_says_nothing_and_is_logged(lab, caplog, monkeypatch):
    """500 with the correlation id; the cause stands in the log only."""

    def broken(*_arguments, **_options):
        raise RuntimeError("a secret detail")

    async with lab.client("dev-anna") as anna:
        monkeypatch.setattr(type(lab.edge.views), "find", broken)
        answer = await anna.get(ORDERS, headers={"X-Correlation-Id": "call-17"})

    assert (500, "call-17") == (answer.status_code, answer.json()["correlation_id"])
    assert "secret" not in answer.text
    assert ["call-17"] == [record.correlation_id for record in caplog.records]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("given", ["a b", "x" * 65, "ü", "<script>", ""])
async def test_an_odd_correlation_id_is_replaced(anna, given):
    """What a caller sends reaches logs and ledger only when it is sane."""
    answer = await anna.get("/problems/none", headers={"X-Correlation-Id": given.encode("latin-1")})

    assert given != answer.json()["correlation_id"]
    assert answer.json()["correlation_id"] == answer.headers["X-Correlation-Id"]


async def test_a_csr_for_other_names_is_refused(lab, anna):
    """The names asked for and the names in the CSR must agree."""
    wish = lab.order(csr=csr_pem("www.shop.test", "admin.shop.test")) | {"dns_names": ["www.shop.test"]}

    assert 422 == (await anna.post(ORDERS, json=wish, headers=lab.key())).status_code


@pytest.mark.parametrize("path", ["me", "teams/{team}", "certificates/x/chain", "orders/x"])
async def test_a_parameter_that_does_nothing_is_refused(lab, anna, path):
    """Single objects take no parameters."""
    answer = await anna.get(f"/api/v1/{path.format(team=lab.team())}", params={"fields": "name"})

    assert (422, True) == (answer.status_code, "fields" in answer.json()["detail"])


async def test_a_person_in_a_browser_reads_a_page(lab):
    """The same problem, escaped, for eyes; programs get the document."""
    async with lab.client() as stranger:
        page = await stranger.get("/problems/<script>", headers={"Accept": "text/html,*/*"})
        document = await stranger.get("/api/v1/me", headers={"Accept": "*/*"})

    assert (404, "text/html; charset=utf-8") == (page.status_code, page.headers["content-type"])
    assert "<script" not in page.text
    assert "application/problem+json" == document.headers["content-type"]
