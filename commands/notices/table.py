"""Who is told of what: one literal table from facts to notices, and the facts that nobody needs to be told of.

A test walks the registry: every class of events stands in exactly one of the two. The rows stand by room in the
modules beside this one; a new event that needs a person gets its row there, any other its name in :data:`NOBODY`.
"""

from __future__ import annotations

from commands.notices.calendar import CALENDAR
from commands.notices.notice import NoticeRule
from commands.notices.of_certificates import CERTIFICATES, RENEWALS
from commands.notices.of_machines import HOSTS, SYSTEM
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

RULES: tuple[NoticeRule, ...] = (*CERTIFICATES, *RENEWALS, *HOSTS, *SYSTEM, *CALENDAR)
"""In order: the first row that accepts an event tells it."""

NOBODY: frozenset[type[Event]] = frozenset(
    {
        Alarm.Cleared,
        AuditReading.Read,
        Certificate.Imported, Certificate.IssuanceStarted, Certificate.Issued, Certificate.OwnershipOfferEnded,
        Certificate.RevocationCalledOff, Certificate.Superseded,
        Clock.Watched,
        Epochs.Counted,
        Certificate.RevocationTakenOver, Certificate.TakenOver,
        Deployment.Overtaken, Deployment.Planned, Deployment.RemovalPlanned, Deployment.Removed, Deployment.Retried,
        Deployment.Served, Deployment.Withdrawn,
        Grant.Withdrawn,
        Host.BootstrapTokenMade, Host.Disabled, Host.Enrolled, Host.FormerKeyEnded, Host.IdentityRenewed,
        Host.Registered, Host.SafeModeLeft,
        Issuer.CrlNumbersSkipped,
        Issuer.Created, Issuer.CrlNumbered, Issuer.CrlPublished,
        Key.Archived, Key.CopyDestroyed, Key.DeliveryAuthorised, Key.Introduced, Key.OwnerMoved,
        Order.ApprovalGiven, Order.Approved, Order.Cancelled, Order.Fulfilled, Order.IssuanceReopened,
        Order.KeyAccepted, Order.KeyRefused, Order.ReplacementIntended, Order.TargetServed,
        PolicyBreach.Cleared,
        Person.Erased,
        Profile.Defined, Profile.Retired, Profile.Revised,
        Refusal.Refused,
        Renewal.Answered, Renewal.Completed, Renewal.Ended, Renewal.Hastened, Renewal.Planned,
        Renewal.Started, Renewal.Watched,
        Reveal.Approved, Reveal.Rejected,
        Rotation.Begun, Rotation.Ended,
        Session.Ended, Session.Opened,
        Team.ContactNamed, Team.Created,
    }
)  # fmt: skip
"""Facts that nobody needs to be told of: they are what was asked for, or somebody who is told anyway did them."""
