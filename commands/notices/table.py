"""Who is told of what: one literal table from facts to notices, and the facts that nobody needs to be told of.

A test walks the registry: every class of events stands in exactly one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from commands.notices.calendar import CALENDAR
from commands.notices.notice import Audience, NoticeRule, Severity
from domain.access.emergency import Emergency
from domain.access.grant import GRAVE_ROLES, Grant
from domain.access.refusal import Refusal
from domain.access.session import Session
from domain.access.team import Team
from domain.audit.reading import AuditReading
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from domain.notices.alarm import Alarm
from domain.profiles.profile import Profile

INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM
OWNER, SEC_OPS, ADMIN = Audience.OWNER, Audience.SEC_OPS, Audience.ADMIN


def _waits_for_people(event: Order.Requested) -> bool:
    return event.approvals_needed > 0


def _is_grave(event: Grant.Granted) -> bool:
    return event.role in GRAVE_ROLES


def _leaves_a_gap(event: Certificate.Revoked) -> bool:
    """Tell whether something may still serve it: a certificate that was replaced first is not news."""
    return event.reason != "superseded"


def _rules() -> Iterator[NoticeRule]:
    yield from _certificates()
    yield from _keys()
    yield from _hosts()
    yield from _authorities()
    yield from CALENDAR


def _certificates() -> Iterator[NoticeRule]:
    read_it = "sslclm show {object}"
    yield NoticeRule(
        Order.Requested, "approval-waiting", WARNING, (SEC_OPS,), "An order for {about} waits for approval.",
        "Read it, then approve or reject it; whoever asked for it cannot.", read_it, _waits_for_people,
    )  # fmt: skip
    yield NoticeRule(
        Order.Rejected, "order-rejected", INFO, (OWNER,), "The order for {about} was rejected.",
        "Read why, and order again within the rules if the certificate is still needed.", read_it,
    )  # fmt: skip
    yield NoticeRule(
        Order.Abandoned, "order-abandoned", WARNING, (OWNER,),
        "The order for {about} was given up: the host's keys were refused by rule {rule}.",
        "Mend the cause on the host, then order again.", read_it,
    )  # fmt: skip
    yield NoticeRule(
        Certificate.IssuanceFailed, "issuance-failed", ALARM, (OWNER, SEC_OPS),
        "Issuing a certificate for {about} failed: {reason}.",
        "Look at the issuing CA and the key store, then let the order go on.", read_it,
    )  # fmt: skip
    yield NoticeRule(
        Certificate.RevocationPlanned, "revocation-planned", WARNING, (OWNER,),
        "The certificate for {about} is revoked at the latest at {at_latest} ({reason}).",
        "See that its replacement is installed before then.", read_it,
    )  # fmt: skip
    yield NoticeRule(
        Certificate.Revoked, "certificate-revoked", WARNING, (OWNER, SEC_OPS),
        "The certificate for {about} is revoked: {reason}.", "Replace it wherever it still serves.", read_it,
        _leaves_a_gap,
    )  # fmt: skip
    yield NoticeRule(
        Certificate.OwnershipOffered, "approval-waiting", WARNING, (OWNER,),
        "Your team is offered the ownership of the certificate for {about}, until {valid_until}.",
        "Accept or decline it.", read_it,
    )  # fmt: skip
    yield NoticeRule(
        Certificate.OwnershipMoved, "ownership-moved", INFO, (OWNER,),
        "Your team owns the certificate for {about} now.", "Nothing, unless nobody of you knows of it.", read_it,
    )  # fmt: skip


def _keys() -> Iterator[NoticeRule]:
    yield NoticeRule(
        Key.Seen, "key-revealed", ALARM, (OWNER, SEC_OPS, ADMIN), "The key {object} counts as seen: {cause}.",
        "It is replaced by itself; see that this reveal was meant.", "sslclm audit object {object}",
    )  # fmt: skip
    yield NoticeRule(
        Key.Compromised, "key-compromised", ALARM, (OWNER, SEC_OPS),
        "The key of the certificate for {about} is compromised.",
        "Replace it wherever it serves; it is never certified again.", "sslclm show {object}",
    )  # fmt: skip


def _hosts() -> Iterator[NoticeRule]:
    look = "sslclm hosts show {object}"
    yield NoticeRule(
        Deployment.Failed, "installation-failed", WARNING, (OWNER,),
        "Installing on {about} failed at the stage {stage}.",
        "Mend the cause on the host, then try again: sslclm deployments retry {object}", "sslclm show {object}",
    )  # fmt: skip
    yield NoticeRule(
        Host.WentOffline, "agent-offline", WARNING, (OWNER,), "The agent of {about} is silent.",
        "See that host and agent run and reach the backend; certificates there are not renewed.", look,
    )  # fmt: skip
    yield NoticeRule(
        Host.CameBack, "agent-back", INFO, (OWNER,), "The agent of {about} is heard again.", "Nothing.", look
    )
    yield NoticeRule(
        Host.SafeModeEntered, "agent-safe-mode", WARNING, (OWNER, SEC_OPS),
        "The agent of {about} changes nothing any more: safe mode.",
        "Read why on the host, then: sslclm-agent resume", look,
    )  # fmt: skip


def _authorities() -> Iterator[NoticeRule]:
    yield NoticeRule(
        Issuer.KeyUsed, "root-key-used", ALARM, (SEC_OPS, ADMIN), "The sealed key of {about} was used: {purpose}.",
        "See that this ceremony was meant.", "sslclm audit object {object}",
    )  # fmt: skip
    yield NoticeRule(
        Grant.Granted, "grave-grant", WARNING, (SEC_OPS, ADMIN), "{role} was granted to {subject} of {provider}.",
        "See that this was meant.", "sslclm grants list", _is_grave,
    )  # fmt: skip
    yield NoticeRule(
        Emergency.Opened, "emergency-opened", ALARM, (SEC_OPS, ADMIN),
        "Until {until} the expired TLS certificate {leaf_sha256} of the identity provider {provider} is believed.",
        "Renew that certificate, then: sslclm emergency end", "sslclm audit object {object}",
    )  # fmt: skip
    yield NoticeRule(
        Emergency.Ended, "emergency-ended", INFO, (SEC_OPS, ADMIN),
        "The emergency of the identity provider {provider} is over ({cause}).",
        "Review what was done in it.", "sslclm audit object {object}",
    )  # fmt: skip


RULES: tuple[NoticeRule, ...] = tuple(_rules())
"""In order: the first row that accepts an event tells it."""

NOBODY: frozenset[type[Event]] = frozenset(
    {
        Alarm.Cleared,
        AuditReading.Read,
        Certificate.Imported, Certificate.IssuanceStarted, Certificate.Issued, Certificate.OwnershipOfferEnded,
        Certificate.RevocationCalledOff, Certificate.Superseded,
        Deployment.Planned, Deployment.Retried, Deployment.Served,
        Grant.Withdrawn,
        Host.BootstrapTokenMade, Host.Disabled, Host.Enrolled, Host.FormerKeyEnded, Host.IdentityRenewed,
        Host.Registered, Host.SafeModeLeft,
        Issuer.Created, Issuer.CrlNumbered, Issuer.CrlPublished,
        Key.CopyDestroyed, Key.DeliveryAuthorised, Key.Introduced, Key.OwnerMoved,
        Order.ApprovalGiven, Order.Approved, Order.Cancelled, Order.Fulfilled, Order.IssuanceReopened,
        Order.KeyAccepted, Order.KeyRefused, Order.ReplacementIntended, Order.TargetServed,
        Profile.Defined, Profile.Retired, Profile.Revised,
        Refusal.Refused,
        Session.Ended, Session.Opened,
        Team.ContactNamed, Team.Created,
    }
)  # fmt: skip
"""Facts that nobody needs to be told of: they are what was asked for, or somebody who is told anyway did them."""
