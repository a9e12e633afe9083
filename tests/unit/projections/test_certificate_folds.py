"""Inventory, orders and deployments: given events, when folded, then rows."""

from __future__ import annotations

from hashlib import sha256
from typing import cast

from domain.base import Event
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.hosts.deployments import DEPLOYMENTS
from projections.issuers.revocations import REVOCATIONS
from tests.support.memoryledger import T0_US, at
from tests.support.story import EVIDENCE, HOST, accept, certificate, deployment, order


def test_a_certificate_from_its_serial_to_its_successor(folded):
    """A started issuance has no bytes; an issued certificate has; a superseded one names its successor."""
    inventory = folded(INVENTORY)
    made = certificate(3)

    (row,) = inventory(made).values()
    assert (row["state"], row["certificate"], row["fingerprint"], row["serial"]) == ("started", "", "", f"{3:040x}")
    assert (row["not_before_us"], row["not_after_us"]) == (T0_US - 300_000_000, T0_US + 300_000_000)
    assert (row["team_id"], row["host_id"], row["created"]) == ("team-1", HOST, 1)

    made.issued(certificate="AAAA", fingerprint="f" * 64, at=at(9))
    (row,) = inventory(made).values()
    assert (row["state"], row["certificate"], row["issued_us"]) == ("issued", "AAAA", T0_US + 9_000_000)
    assert (row["created"], row["changed"]) == (1, 2)

    made.supersede(by="certificate-4", at=at(10))
    (row,) = inventory(made).values()
    assert (row["state"], row["superseded_by"], row["certificate"]) == ("superseded", "certificate-4", "AAAA")


def test_a_failed_issuance_is_revoked(folded):
    """Its serial may exist after all, so it ends as revoked, keeps why, and is among the revocations."""
    made, again = certificate(), certificate()
    for one in (made, again):
        one.fail(reason="outcome-unknown", at=at(9))

    (row,) = folded(INVENTORY)(made).values()
    assert (row["state"], row["failure"], row["revocation_reason"]) == ("revoked", "outcome-unknown", "unspecified")
    assert row["revoked_us"] == T0_US + 9_000_000

    (line,) = folded(REVOCATIONS)(again).values()
    assert (line["issuer_id"], line["serial"], line["reason"]) == ("issuer-1", f"{1:040x}", "unspecified")
    assert (line["revoked_us"], line["not_after_us"]) == (T0_US + 9_000_000, T0_US + 100_000_000)


def test_an_approval_names_what_was_requested(folded):
    """The row shows the hash of the stored request, which is what an approval has to name."""
    wanted = order(hosts=("host-1", "host-2", "host-1"))
    stored = cast("Event", wanted.pending_events[0]).state()

    (row,) = folded(ORDERS)(wanted).values()

    assert row["request_sha256"] == sha256(stored).hexdigest() == wanted.request_sha256
    assert (row["state"], row["approvers"], row["approvals_needed"]) == ("waiting", [], 1)
    assert (row["host_ids"], len(row["targets"])) == (["host-1", "host-2"], 3)
    assert row["subject"]["dns_names"] == ["shop.test"]


def test_an_order_until_it_is_fulfilled(folded):
    """Approvers, certificates by host and deployments by state follow what happened."""
    orders = folded(ORDERS)
    wanted, plan = order(), deployment()
    wanted.approve(approver="p-bob", request_sha256=wanted.request_sha256, at=at(1))
    accept(wanted)
    (row,) = orders(wanted, plan).values()
    assert (row["state"], row["approvers"], row["approved_by"]) == ("approved", ["p-bob"], "people")
    assert (row["certificates"], row["deployments"]) == ({HOST: "certificate-1"}, {"deployment-1": "planned"})

    plan.report_failed(stage="probe", detail="", rolled_back=True, served_now=None, at=at(2))
    assert orders(plan)["order-1"]["deployments"] == {"deployment-1": "failed"}

    plan.retry(at=at(3))
    plan.report_served(evidence=EVIDENCE, previous=None, at=at(4))
    wanted.target_served(deployment_id=plan.id, all_targets=frozenset((plan.id,)), at=at(4))
    row = orders(plan, wanted)["order-1"]
    assert (row["state"], row["deployments"]) == ("fulfilled", {"deployment-1": "served"})


def test_a_rejected_order_names_who_said_no(folded):
    """The rejecter's pseudonym stands in the row; the reason stays in the erasable details."""
    wanted = order()
    wanted.reject(rejecter="p-bob", at=at(1))

    (row,) = folded(ORDERS)(wanted).values()

    assert (row["state"], row["rejecter"]) == ("rejected", "p-bob")


def test_a_reopened_issuance_takes_the_certificate_back(folded):
    """The host has no certificate again, and a refused key leaves its rule."""
    wanted = order()
    wanted.approve_by_policy(at=at())
    wanted.refuse_key(host_id=HOST, rule="key-strength", at=at(1))
    accept(wanted)
    wanted.reopen_issuance(host_id=HOST, certificate_id="certificate-1", at=at(2))

    (row,) = folded(ORDERS)(wanted).values()

    assert (row["certificates"], row["refused_rules"]) == ({}, {HOST: "key-strength"})


def test_a_deployment_shows_its_present_attempt(folded):
    """Evidence where it is served; stage and detail where it failed, gone with the next attempt."""
    deployments = folded(DEPLOYMENTS)
    plan = deployment()
    plan.report_failed(stage="probe", detail="no answer", rolled_back=True, served_now="a" * 64, at=at(1))
    (row,) = deployments(plan).values()
    assert (row["state"], row["stage"], row["detail"], row["rolled_back"]) == ("failed", "probe", "no answer", True)

    plan.retry(at=at(2))
    (row,) = deployments(plan).values()
    assert (row["state"], row["attempt"], row["stage"], row["detail"]) == ("planned", 2, None, "")

    plan.report_served(evidence=EVIDENCE, previous="b" * 64, at=at(3))
    (row,) = deployments(plan).values()
    assert (row["state"], row["previous"], row["evidence"][0]["tls"]) == ("served", "b" * 64, "TLSv1.3")
    assert (row["directory"], row["target"]["directory"]) == ("/etc/tls/shop", "/etc/tls/shop")
