"""Topic -> event class: the one table by which stored bytes become events again.

A changed shape is a new topic version here, with an upcaster beside the aggregate; a topic is never renamed.
"""

from __future__ import annotations

from domain.access.emergency import Emergency
from domain.access.grant import Grant
from domain.access.person import Person
from domain.access.refusal import Refusal
from domain.access.session import Session
from domain.access.team import Team
from domain.audit.reading import AuditReading
from domain.base import Aggregate, Event
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

AGGREGATES: tuple[type[Aggregate], ...] = (
    Alarm,
    AuditReading,
    Certificate,
    Clock,
    Deployment,
    Emergency,
    Epochs,
    Grant,
    Host,
    Issuer,
    Key,
    Order,
    Person,
    PolicyBreach,
    Profile,
    Refusal,
    Renewal,
    Reveal,
    Rotation,
    Session,
    Team,
)

TOPICS: dict[str, type[Event]] = {event.TOPIC: event for aggregate in AGGREGATES for event in aggregate.events()}


def read_event(topic: str, state: bytes, stream_id: str, stream_version: int) -> Event:
    """Return the event stored under a topic.

    Raises ``KeyError`` for a topic that this version of the code does not know, and ``pydantic.ValidationError`` for
    bytes that are not of the topic's shape.
    """
    return TOPICS[topic].from_state(state, stream_id, stream_version)
