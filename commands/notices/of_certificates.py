"""Notices about orders, certificates, their renewal and their keys."""

from __future__ import annotations

from commands.notices.calendar import URGENT
from commands.notices.notice import Audience, NoticeRule, Severity
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from domain.profiles.breach import PolicyBreach

INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM
OWNER, SEC_OPS, ADMIN = Audience.OWNER, Audience.SEC_OPS, Audience.ADMIN
_LOOK = "sslclm show {object}"


def _waits_for_people(event: Order.Requested) -> bool:
    return bool(event.waived_rules)


def _leaves_a_gap(event: Certificate.Revoked) -> bool:
    """Tell whether something may still serve it: a certificate that was replaced first is not news."""
    return event.reason != "superseded"


def _is_urgent(event: Renewal.Escalated) -> bool:
    return event.level >= URGENT


def _is_not_told_elsewhere(event: Key.Seen) -> bool:
    return event.cause != "reveal"


CERTIFICATES = (
    NoticeRule(
        Order.Requested, "approval-waiting", WARNING, (SEC_OPS,), "An order for {about} waits for approval.",
        "Read it, then approve or reject it; whoever asked for it cannot.", _LOOK, _waits_for_people,
    ),
    NoticeRule(
        Order.Rejected, "order-rejected", INFO, (OWNER,), "The order for {about} was rejected.",
        "Read why, and order again within the rules if the certificate is still needed.", _LOOK,
    ),
    NoticeRule(
        Order.Abandoned, "order-abandoned", WARNING, (OWNER,),
        "The order for {about} was given up: the host's keys were refused by rule {rule}.",
        "Mend the cause on the host, then order again.", _LOOK,
    ),
    NoticeRule(
        Certificate.IssuanceFailed, "issuance-failed", ALARM, (OWNER, SEC_OPS),
        "Issuing a certificate for {about} failed: {reason}.",
        "Look at the issuing CA and the key store, then let the order go on.", _LOOK,
    ),
    NoticeRule(
        Certificate.RevocationPlanned, "revocation-planned", WARNING, (OWNER,),
        "The certificate for {about} is revoked at the latest at {at_latest} ({reason}).",
        "See that its replacement is installed before then.", _LOOK,
    ),
    NoticeRule(
        Certificate.Revoked, "certificate-revoked", WARNING, (OWNER, SEC_OPS),
        "The certificate for {about} is revoked: {reason}.", "Replace it wherever it still serves.", _LOOK,
        _leaves_a_gap,
    ),
    NoticeRule(
        Certificate.OwnershipOffered, "approval-waiting", WARNING, (OWNER,),
        "Your team is offered the ownership of the certificate for {about}, until {valid_until}.",
        "Accept or decline it.", _LOOK,
    ),
    NoticeRule(
        Certificate.OwnershipMoved, "ownership-moved", INFO, (OWNER,),
        "Your team owns the certificate for {about} now.", "Nothing, unless nobody of you knows of it.", _LOOK,
    ),
    NoticeRule(
        Reveal.Requested, "approval-waiting", WARNING, (SEC_OPS,),
        "Somebody asks to see the private key of the certificate for {about}.",
        "Read why, then approve or reject it; whoever asked for it cannot.", "sslclm show {stream}",
    ),
    NoticeRule(
        Reveal.Authorised, "key-revealed", ALARM, (OWNER, SEC_OPS, ADMIN),
        "The private key of the certificate for {about} is handed to a person.",
        "It is replaced by itself; see that this reveal was meant.", "sslclm audit object {stream}",
    ),
    NoticeRule(
        Key.Seen, "key-seen", INFO, (OWNER,), "The key {object} counts as seen: {cause}.",
        "Nothing: it is replaced at the next renewal.", "sslclm audit object {object}", _is_not_told_elsewhere,
    ),
    NoticeRule(
        Key.Compromised, "key-compromised", ALARM, (OWNER, SEC_OPS),
        "The key of the certificate for {about} is compromised.",
        "Replace it wherever it serves; it is never certified again.", _LOOK,
    ),
)  # fmt: skip

_EXPIRES = "The certificate for {about} expires at {expires} and no successor serves."
RENEWALS = (
    NoticeRule(
        Renewal.Waiting, "renewal-waiting", WARNING, (OWNER,),
        "The renewal of the certificate for {about} waits for a person, because of the rule {rule}.",
        "Have the order decided, or change what the rule asks for.", "sslclm show {order_id}",
    ),
    NoticeRule(
        Renewal.Failed, "renewal-failed", WARNING, (OWNER,),
        "Attempt {attempt} to renew the certificate for {about} failed: {rule}.",
        "Look at its history; where nothing is mended it fails again.", _LOOK,
    ),
    NoticeRule(
        Renewal.Escalated, "certificate-expiring", ALARM, (OWNER, SEC_OPS), _EXPIRES,
        "Act now: mend what its renewal fails by, or replace it by hand.", _LOOK, _is_urgent,
    ),
    NoticeRule(
        Renewal.Escalated, "certificate-expiring", WARNING, (OWNER,), _EXPIRES,
        "Mend what its renewal fails by, or replace it by hand.", _LOOK,
    ),
    NoticeRule(
        PolicyBreach.Found, "policy-breach", WARNING, (OWNER,),
        "The certificate for {about} breaks the rule {rule}: {message}",
        "Replace it by one that the policy of today allows.", _LOOK,
    ),
    NoticeRule(
        PolicyBreach.FoundAgain, "policy-breach", WARNING, (OWNER,),
        "The certificate for {about} breaks a rule again: {message}",
        "Replace it by one that the policy of today allows.", _LOOK,
    ),
)  # fmt: skip
