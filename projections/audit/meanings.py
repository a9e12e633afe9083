"""What each kind of event means to a person, and whether it is a touch of a key or certificate: one literal table.

"Who accessed this key?" is answered from :data:`MEANINGS`. An event that is no access says why not, so that a new event
cannot be forgotten: a test holds the table against every event that the ledger can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from domain.access.emergency import Emergency
from domain.access.grant import Grant
from domain.access.person import Person
from domain.access.refusal import Refusal
from domain.access.session import Session
from domain.access.team import Team
from domain.audit.reading import AuditReading
from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.continuity.clock import Clock
from domain.continuity.epochs import Epochs
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from domain.keys.rotation import Rotation
from domain.notices.alarm import Alarm
from domain.profiles.breach import PolicyBreach
from domain.profiles.profile import Profile

Access = Literal[
    "request",
    "decision",
    "made",
    "signing",
    "installation",
    "delivery",
    "reveal",
    "export",
    "import",
    "revocation",
    "ownership",
    "compromise",
    "destruction",
    "refused",
    "read",
]
"""Kinds of access: what is done with a key or a certificate, what changes who may, what was refused, who looked."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``words`` say what happened, without who and to what; ``access`` is None where ``why`` says that it is none."""

    words: str
    access: Access | None
    why: str = ""


def _touch(access: Access, words: str) -> Meaning:
    return Meaning(words, access)


def _other(words: str, why: str) -> Meaning:
    return Meaning(words, None, why)


_ANNOUNCED = "tells how an announced act ended; the announcement is the access"
_RIGHTS = "changes rights in general; names no key and no certificate"
_MACHINE = "is about the host and its agent; its certificate's signing stands by itself"
_STEP = "a step of work that touches no key"
_EPOCH = "what was lost, and what is known again; no key is touched"
_STORE = "every stored secret is encrypted anew; nobody gets to see one"
_CLOCK = "is about the machine's time"
_DATE = "somebody has to look; nobody did anything"

MEANINGS: Mapping[type[Event], Meaning] = {
    AuditReading.Read: _touch("read", "audit data read"),
    # certificates
    Certificate.IssuanceStarted: _touch("signing", "CA key signs a certificate"),
    Certificate.Issued: _other("certificate issued", _ANNOUNCED),
    Certificate.IssuanceFailed: _other("issuance failed", _ANNOUNCED),
    Certificate.Imported: _touch("import", "certificate imported"),
    Certificate.OwnershipOffered: _touch("ownership", "ownership offered"),
    Certificate.OwnershipOfferEnded: _other("offer of ownership ended", "who may touch the key stays as it was"),
    Certificate.OwnershipMoved: _touch("ownership", "ownership moved"),
    Certificate.RevocationPlanned: _touch("revocation", "revocation planned"),
    Certificate.RevocationCalledOff: _touch("revocation", "planned revocation called off"),
    Certificate.Superseded: _other("certificate superseded", "another certificate serves in its place"),
    Certificate.Revoked: _touch("revocation", "certificate revoked"),
    # keys
    Key.Introduced: _touch("made", "key introduced"),
    Key.Archived: _touch("made", "stored copy of the key kept for good"),
    Key.DeliveryAuthorised: _touch("delivery", "delivery of the key to a host authorised"),
    Key.Seen: _touch("reveal", "key counts as seen by a person"),
    Key.Compromised: _touch("compromise", "key compromised"),
    Key.OwnerMoved: _touch("ownership", "key moved to another team"),
    Key.CopyDestroyed: _touch("destruction", "stored copy of the key destroyed"),
    Reveal.Requested: _touch("reveal", "reveal of the key requested"),
    Reveal.Approved: _touch("reveal", "reveal of the key approved"),
    Reveal.Rejected: _touch("reveal", "reveal of the key rejected"),
    Reveal.Authorised: _touch("reveal", "reveal of the key authorised"),
    # orders
    Order.Requested: _touch("request", "certificate requested"),
    Order.ReplacementIntended: _other("replacement intended", _STEP),
    Order.ApprovalGiven: _touch("decision", "approval given"),
    Order.Approved: _touch("decision", "order approved"),
    Order.Rejected: _touch("decision", "order rejected"),
    Order.Cancelled: _touch("decision", "order cancelled"),
    Order.KeyAccepted: _other("key accepted", "the signing that follows in the same entry is the access"),
    Order.KeyRefused: _other("key refused", "a key that is never certified"),
    Order.Abandoned: _other("order abandoned", _STEP),
    Order.IssuanceReopened: _other("issuance reopened", _STEP),
    Order.TargetServed: _other("target served", "the deployment tells it"),
    Order.Fulfilled: _other("order fulfilled", _STEP),
    # renewals
    Renewal.Planned: _other("renewal planned", _STEP),
    Renewal.Watched: _other("end watched", _STEP),
    Renewal.Started: _other("renewal started", "the order tells who asked and who decided"),
    Renewal.Waiting: _other("renewal waits for a person", "the order tells who asked and who decides"),
    Renewal.Answered: _other("key for the renewal has come", _STEP),
    Renewal.Failed: _other("renewal failed", _STEP),
    Renewal.Hastened: _other("renewal hastened", _STEP),
    Renewal.Escalated: _other("end of a certificate is near", _DATE),
    Renewal.Completed: _other("renewal completed", _STEP),
    Renewal.Ended: _other("renewal ended", _STEP),
    # hosts
    Deployment.Planned: _touch("installation", "installation planned"),
    Deployment.Served: _touch("installation", "certificate installed and served"),
    Deployment.Failed: _touch("installation", "installation failed"),
    Deployment.Retried: _touch("installation", "installation asked for again"),
    Deployment.Overtaken: _other("installation overtaken", "what was not installed touches no key"),
    Deployment.Withdrawn: _other("installation withdrawn", "what was not installed touches no key"),
    Deployment.RemovalPlanned: _touch("installation", "removal planned"),
    Deployment.Removed: _touch("installation", "certificate removed, proven to be served no more"),
    Deployment.RemovalRefused: _touch("installation", "removal refused or failed"),
    Host.Registered: _other("host registered", _MACHINE),
    Host.BootstrapTokenMade: _other("bootstrap token made", _MACHINE),
    Host.Enrolled: _other("agent enrolled", _MACHINE),
    Host.IdentityRenewed: _other("agent's identity renewed", _MACHINE),
    Host.FormerKeyEnded: _other("agent's former key ended", _MACHINE),
    Host.Disabled: _other("host disabled", _MACHINE),
    Host.SafeModeEntered: _other("safe mode entered", _MACHINE),
    Host.SafeModeLeft: _other("safe mode left", _MACHINE),
    Host.WentOffline: _other("agent went offline", _MACHINE),
    Host.CameBack: _other("agent came back", _MACHINE),
    # issuers
    Issuer.Created: _touch("made", "certification authority made"),
    Issuer.KeyUsed: _touch("signing", "sealed CA key used"),
    Issuer.CrlNumbered: _touch("signing", "CA key signs a CRL"),
    Issuer.CrlPublished: _other("CRL published", _ANNOUNCED),
    Issuer.RolloverDue: _other("successor of a certification authority needed", _DATE),
    # somebody must know
    Alarm.Raised: _other("alarm raised", _DATE),
    Alarm.Escalated: _other("alarm escalated", _DATE),
    Alarm.Cleared: _other("alarm cleared", _DATE),
    PolicyBreach.Found: _other("policy breach found", _DATE),
    PolicyBreach.FoundAgain: _other("policy breach found again", _DATE),
    PolicyBreach.Cleared: _other("policy breach cleared", _DATE),
    Clock.Watched: _other("clock watched", _CLOCK),
    Clock.Suspected: _other("clock suspected", _CLOCK),
    Clock.Confirmed: _other("clock confirmed by a person", _CLOCK),
    Clock.Returned: _other("clock returned", _CLOCK),
    Rotation.Begun: _other("rotation of the key store begun", _STORE),
    Rotation.Ended: _other("rotation of the key store ended", _STORE),
    Epochs.Counted: _other("epochs counted", _EPOCH),
    Epochs.LossFound: _other("ledger restored with loss", _EPOCH),
    Epochs.Proposed: _other("new epoch proposed", _EPOCH),
    Epochs.Begun: _other("new epoch begun by a second person", _EPOCH),
    Epochs.Reconciled: _other("what was lost is taken over", _EPOCH),
    Issuer.CrlNumbersSkipped: _other("CRL numbers skipped", _EPOCH),
    Certificate.TakenOver: _other("certificate taken over after a loss", _EPOCH),
    Certificate.RevocationTakenOver: _other("revocation taken over after a loss", _EPOCH),
    # who may do what
    Emergency.Opened: _other("emergency path opened", _RIGHTS),
    Emergency.Ended: _other("emergency path ended", _RIGHTS),
    Grant.Granted: _other("right granted", _RIGHTS),
    Grant.Withdrawn: _other("right withdrawn", _RIGHTS),
    Profile.Defined: _other("profile defined", _RIGHTS),
    Profile.Revised: _other("profile revised", _RIGHTS),
    Profile.Retired: _other("profile retired", _RIGHTS),
    Refusal.Refused: _touch("refused", "refused"),
    Session.Opened: _other("signed in", _RIGHTS),
    Session.Ended: _other("signed out", _RIGHTS),
    Person.Erased: _other("person erased from the directory", _RIGHTS),
    Team.Created: _other("team created", _RIGHTS),
    Team.ContactNamed: _other("team's contact named", _RIGHTS),
}  # fmt: skip
"""Event class -> what it means."""
