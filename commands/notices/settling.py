"""Which notices still need somebody: those that ask for something that no later fact of the same stream settled."""

from __future__ import annotations

from collections.abc import Mapping

from commands.notices.notice import Notice, Severity
from commands.ports.ledger import Ledger
from domain.access.emergency import Emergency
from domain.access.grant import Grant
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.continuity.clock import Clock
from domain.continuity.epochs import Epochs
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from domain.keys.reveal import Reveal
from domain.notices.alarm import Alarm
from domain.profiles.breach import PolicyBreach

SETTLED_BY: Mapping[type[Event], tuple[type[Event], ...]] = {
    Order.Requested: (Order.Approved, Order.Rejected, Order.Cancelled, Order.Abandoned),
    Reveal.Requested: (Reveal.Approved, Reveal.Rejected),
    Certificate.OwnershipOffered: (Certificate.OwnershipMoved, Certificate.OwnershipOfferEnded),
    Certificate.RevocationPlanned: (
        Certificate.RevocationPlanned, Certificate.RevocationCalledOff, Certificate.Revoked,
    ),
    Renewal.Waiting: (Renewal.Started, Renewal.Failed, Renewal.Completed, Renewal.Ended),
    Renewal.Failed: (Renewal.Failed, Renewal.Completed, Renewal.Ended),
    Renewal.Escalated: (Renewal.Escalated, Renewal.Completed, Renewal.Ended),
    PolicyBreach.Found: (PolicyBreach.Cleared,),
    PolicyBreach.FoundAgain: (PolicyBreach.Cleared,),
    Deployment.Failed: (
        Deployment.Retried, Deployment.Served, Deployment.Overtaken, Deployment.Withdrawn,
    ),
    Deployment.RemovalRefused: (Deployment.RemovalPlanned, Deployment.Removed),
    Host.WentOffline: (Host.CameBack, Host.Disabled),
    Host.SafeModeEntered: (Host.SafeModeLeft, Host.Disabled),
    Grant.Granted: (Grant.Withdrawn,),
    Clock.Suspected: (Clock.Confirmed, Clock.Returned),
    Epochs.LossFound: (Epochs.LossFound, Epochs.Begun),
    Epochs.Proposed: (Epochs.Proposed, Epochs.Begun),
    Epochs.Begun: (Epochs.Reconciled,),
    Emergency.Opened: (Emergency.Ended,),
    Alarm.Raised: (Alarm.Escalated, Alarm.Cleared),
    Alarm.Escalated: (Alarm.Escalated, Alarm.Cleared),
}  # fmt: skip
"""Told fact -> the facts after which it needs nobody any more: what it asks for was done, or is told anew. What stands
not here has no such end (a key was handed out, a certificate revoked): it stays until it is dropped."""
_TOPICS = {told.TOPIC: frozenset(one.TOPIC for one in ends) for told, ends in SETTLED_BY.items()}


def is_open(notice: Notice, ledger: Ledger) -> bool:
    """Tell whether a notice still needs somebody; one that only informs never does."""
    if notice.severity is Severity.INFO:
        return False
    found = ledger.entries(notice.position, limit=1)
    if not found:  # of a ledger that was restored since
        return True
    entry = found[0]
    told = entry.events[notice.position - entry.first_position]
    ends = _TOPICS.get(told.topic)
    if ends is None:
        return True
    return not any(one.topic in ends for one in ledger.stream(told.stream_id, after=told.stream_version))
