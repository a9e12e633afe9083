"""A clock that goes back."""

from __future__ import annotations

from cryptography import x509


async def test_nothing_is_older_than_its_issuer(lab):
    """A day of back-dating on a CA's first day ends at the CA's own beginning."""
    await lab.define("old", "shop", backdate=86_000)

    async with lab.client("dev-anna") as anna:
        made = await anna.post("/api/v1/orders", json=lab.order(profile="old"), headers=lab.key())

    leaf = x509.load_pem_x509_certificate(made.json()["certificate"].encode())
    issuer = x509.load_pem_x509_certificate(made.json()["chain"][0].encode())
    assert leaf.not_valid_before_utc == issuer.not_valid_before_utc


async def test_a_clock_before_the_issuers_time_issues_nothing(lab):
    """What would end before its issuer begins is refused and changes nothing; the chain still holds."""
    head = lab.position()
    lab.clock.forward(-400 * 86_400)

    async with lab.client("dev-anna") as anna, lab.client("vera") as vera:
        refused = await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())
        verdict = await vera.get("/api/v1/audit/verify")
    lab.clock.forward(400 * 86_400)

    assert (422, "validity-order") == (refused.status_code, refused.json()["rule"])
    assert ["sslclm.audit.read.v1"] == lab.topics(head)
    assert verdict.json()["holds"]
