"""A deployment: one certificate on one target of one host, until it is proven as served, or proven to be gone again."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from domain import base
from domain.base import Aggregate, Event, Timestamp, Value
from domain.errors import WrongState
from domain.hosts.targets import TargetSpec
from domain.ids import derived_id

State = Literal["planned", "served", "failed", "overtaken", "withdrawn", "removing", "removed", "removal-refused"]
Stage = Literal["check", "write", "validate", "reload", "probe", "refused", "interrupted", "disable"]
NO_DISABLER = "the target names no disabler of its host; deleting a file that is configured would stop every site"


class Evidence(Value):
    """What a TLS handshake with one endpoint showed."""

    endpoint: str = Field(max_length=600)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tls: str = Field(max_length=16)
    hits: int = Field(ge=1, le=1000)


class Deployment(Aggregate):
    """One certificate on one target: planned, then served or failed; a failed one may be retried.

    What is planned is withdrawn when the certificate is revoked first; what is served may be removed again.
    """

    def __init__(self) -> None:
        self.state: State = "planned"
        self.attempt = 1
        self.removals = 0
        self.remove_if_served = False
        self.order_id = ""
        self.certificate_id = ""
        self.host_id = ""
        self.team_id = ""
        self.target: TargetSpec

    class Planned(base.Created):
        """The certificate is to be installed there, with the key of this ``generation`` that the host made for it.

        The target's windows are kept until ``windows_until``: from then on what is served now could end first, and
        that would hurt more. None: they do not count, since nothing is replaced.
        """

        TOPIC: ClassVar[str] = "sslclm.deployment.planned.v1"
        order_id: str
        certificate_id: str
        host_id: str
        team_id: str
        generation: int
        target: TargetSpec
        windows_until: Timestamp | None = None

        def apply(self, deployment: Deployment) -> None:
            deployment.order_id, deployment.certificate_id = self.order_id, self.certificate_id
            deployment.host_id, deployment.team_id = self.host_id, self.team_id
            deployment.target = self.target

    class Served(Event):
        """A TLS handshake with every endpoint showed exactly this certificate and chain."""

        TOPIC: ClassVar[str] = "sslclm.deployment.served.v1"
        evidence: tuple[Evidence, ...]
        previous: str | None = None

        def apply(self, deployment: Deployment) -> None:
            deployment.state = "served"

    class Failed(Event):
        """The agent could not; ``rolled_back`` tells that the former certificate was proven to be served again."""

        TOPIC: ClassVar[str] = "sslclm.deployment.failed.v1"
        stage: Stage
        detail: str
        rolled_back: bool
        served_now: str | None = None

        def apply(self, deployment: Deployment) -> None:
            deployment.state = "failed"

    class Retried(Event):
        """Somebody asked for another attempt."""

        TOPIC: ClassVar[str] = "sslclm.deployment.retried.v1"
        attempt: int

        def apply(self, deployment: Deployment) -> None:
            deployment.state, deployment.attempt = "planned", self.attempt

    class Overtaken(Event):
        """A newer certificate is on its way to the same place: this one is not installed any more."""

        TOPIC: ClassVar[str] = "sslclm.deployment.overtaken.v1"
        by: str

        def apply(self, deployment: Deployment) -> None:
            deployment.state = "overtaken"

    class Withdrawn(Event):
        """It is not to be installed any more: its certificate is revoked.

        ``remove``: where the agent was quicker, it is to be taken out of service again.
        """

        TOPIC: ClassVar[str] = "sslclm.deployment.withdrawn.v1"
        remove: bool = False

        def apply(self, deployment: Deployment) -> None:
            deployment.state, deployment.remove_if_served = "withdrawn", self.remove

    class RemovalPlanned(Event):
        """The host is asked to serve it no more; ``attempt`` counts the removals that were asked for, from 1."""

        TOPIC: ClassVar[str] = "sslclm.deployment.removal-planned.v1"
        attempt: int
        order_id: str
        certificate_id: str
        host_id: str
        team_id: str
        target: TargetSpec

        def apply(self, deployment: Deployment) -> None:
            deployment.state, deployment.removals = "removing", self.attempt

    class Removed(Event):
        """No endpoint serves it any more; ``evidence`` is what those serve that still answer."""

        TOPIC: ClassVar[str] = "sslclm.deployment.removed.v1"
        evidence: tuple[Evidence, ...]
        detail: str

        def apply(self, deployment: Deployment) -> None:
            deployment.state = "removed"

    class RemovalRefused(Event):
        """It is served on: the host does not permit the removal, or it failed; ``rolled_back`` as in ``Failed``."""

        TOPIC: ClassVar[str] = "sslclm.deployment.removal-refused.v1"
        stage: Stage
        detail: str
        rolled_back: bool
        served_now: str | None

        def apply(self, deployment: Deployment) -> None:
            deployment.state = "removal-refused"

    @staticmethod
    def id_for(certificate_id: str, target: int) -> str:
        """Return the stream id of the deployment of a certificate on the order's target number ``target``."""
        return derived_id("deployment", certificate_id, str(target))

    @property
    def task_id(self) -> str:
        """Id of the agent's task for the present attempt."""
        return derived_id("task", self.id, str(self.attempt))

    @property
    def removal_task_id(self) -> str:
        """Id of the agent's task for the present removal."""
        return removal_id(self.id, self.removals)

    @classmethod
    def plan(  # noqa: PLR0913 - each is a member of the fact
        cls,
        *,
        stream_id: str,
        order_id: str,
        certificate_id: str,
        host_id: str,
        team_id: str,
        generation: int,
        target: TargetSpec,
        at: datetime,
        windows_until: datetime | None = None,
    ) -> Deployment:
        """Plan to install a certificate on a target."""
        return cls.begin(
            cls.Planned,
            stream_id=stream_id,
            at=at,
            order_id=order_id,
            certificate_id=certificate_id,
            host_id=host_id,
            team_id=team_id,
            generation=generation,
            target=target,
            windows_until=windows_until,
        )

    def report_served(self, *, evidence: tuple[Evidence, ...], previous: str | None, at: datetime) -> None:
        """Record what the agent proved; also of an installation that was withdrawn while it was under way."""
        if self.state != "withdrawn":
            self._must_be("planned")
        self.record(self.Served, at=at, evidence=evidence, previous=previous)

    def report_failed(
        self, *, stage: Stage, detail: str, rolled_back: bool, served_now: str | None, at: datetime
    ) -> None:
        """Record where and why the agent failed."""
        self._must_be("planned")
        self.record(self.Failed, at=at, stage=stage, detail=detail, rolled_back=rolled_back, served_now=served_now)

    def overtake(self, *, by: str, at: datetime) -> None:
        """Withdraw what is not served, since ``by`` (an order or a deployment) brings a newer certificate."""
        if self.state in {"planned", "failed"}:
            self.record(self.Overtaken, at=at, by=by)

    def retry(self, *, at: datetime) -> None:
        """Ask for another attempt."""
        self._must_be("failed")
        self.record(self.Retried, at=at, attempt=self.attempt + 1)

    def withdraw(self, *, at: datetime, remove: bool = False) -> None:
        """Take back what is not installed yet; with ``remove`` it goes again, should the agent have been quicker."""
        self._must_be("planned")
        self.record(self.Withdrawn, at=at, remove=remove)

    def plan_removal(self, *, at: datetime) -> None:
        """Ask the host to serve it no more; refused at once where the target does not say by what."""
        if self.state != "removal-refused":
            self._must_be("served")
        self.record(
            self.RemovalPlanned,
            at=at,
            attempt=self.removals + 1,
            order_id=self.order_id,
            certificate_id=self.certificate_id,
            host_id=self.host_id,
            team_id=self.team_id,
            target=self.target,
        )
        if not self.target.disabler:
            self.refuse_removal(stage="refused", detail=NO_DISABLER, rolled_back=False, served_now=None, at=at)

    def report_removed(self, *, evidence: tuple[Evidence, ...], detail: str, at: datetime) -> None:
        """Record what the agent proved."""
        self._must_be("removing")
        self.record(self.Removed, at=at, evidence=evidence, detail=detail)

    def refuse_removal(
        self, *, stage: Stage, detail: str, rolled_back: bool, served_now: str | None, at: datetime
    ) -> None:
        """Record why it is served on."""
        self._must_be("removing")
        told = {"stage": stage, "detail": detail, "rolled_back": rolled_back, "served_now": served_now}
        self.record(self.RemovalRefused, at=at, **told)

    def _must_be(self, state: State) -> None:
        if self.state != state:
            raise WrongState(
                f"the deployment is {self.state}, not {state}", rule="deployment-state", fix="look at its history"
            )


def removal_id(deployment_id: str, attempt: int) -> str:
    """Return the id of the task that removes a deployment's certificate, ``attempt`` counts from 1."""
    return derived_id("task", deployment_id, "remove", str(attempt))
