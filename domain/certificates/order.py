"""An order: somebody wants a certificate for names, on targets or for a CSR; policy or people decide."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Event
from domain.certificates.decision import Decidable
from domain.certificates.wish import Subject, Target
from domain.errors import WrongState

Cause = Literal["renewal", "re-key", "revocation", "asked"]
"""Why certificates are replaced: their time, a key that was seen, a revocation to come, or somebody's wish."""
GENERATIONS_AT_MOST = 5
"""How many keys a host may make for one order: one that never fits is not asked for without end."""


class Order(Decidable):
    """One wish for certificates: one per host among its targets, or one for the caller's own CSR.

    Who decides on it stands in its part :class:`~domain.certificates.decision.Decidable`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.team_id = ""
        self.profile_id = ""
        self.profile_version = 0
        self.subject: Subject
        self.targets: tuple[Target, ...] = ()
        self.csr: str | None = None
        self.server_key = False
        self.waived_rules: tuple[str, ...] = ()
        self.accepted: dict[str, str] = {}
        self.generations: dict[str, int] = {}
        self.served: frozenset[str] = frozenset()
        self.replaces: tuple[str, ...] = ()
        self.cause: Cause | None = None

    class Requested(base.Created):
        """What is wanted, by whom, judged by which profile version; ``waived_rules`` need a person's approval.

        ``csr`` is the caller's own signing request (base64 of its DER), None where hosts make the keys, or, with
        ``server_key``, the key store does.
        """

        TOPIC: ClassVar[str] = "sslclm.order.requested.v1"
        team_id: str
        profile_id: str
        profile_version: int
        requester: str
        subject: Subject
        targets: tuple[Target, ...]
        csr: str | None
        csr_sha256: str | None
        waived_rules: tuple[str, ...]
        approvals_needed: int
        server_key: bool = False

        def apply(self, order: Order) -> None:
            order.team_id, order.requester = self.team_id, self.requester
            order.profile_id, order.profile_version = self.profile_id, self.profile_version
            order.subject, order.targets = self.subject, self.targets
            order.csr, order.waived_rules = self.csr, self.waived_rules
            order.server_key = self.server_key
            order.approvals_needed = self.approvals_needed
            order.request_sha256 = hashlib.sha256(self.state()).hexdigest()

    class ReplacementIntended(Event):
        """What the order is for: its certificates take the place of these, target after target, the first as canary."""

        TOPIC: ClassVar[str] = "sslclm.order.replacement-intended.v1"
        certificate_ids: tuple[str, ...]
        cause: Cause

        def apply(self, order: Order) -> None:
            order.replaces, order.cause = self.certificate_ids, self.cause

    class Cancelled(Event):
        """The requester's side does not want it any more."""

        TOPIC: ClassVar[str] = "sslclm.order.cancelled.v1"

        def apply(self, order: Order) -> None:
            order.state = "cancelled"

    class KeyAccepted(Event):
        """The proof of possession of a fitting key was checked; ``certificate_id`` is being issued for it.

        ``host_id`` is empty where no host takes part; ``csr_sha256`` where the key store made the key.
        """

        TOPIC: ClassVar[str] = "sslclm.order.key-accepted.v1"
        host_id: str
        generation: int
        certificate_id: str
        spki_sha256: str
        csr_sha256: str

        def apply(self, order: Order) -> None:
            order.accepted = {**order.accepted, self.host_id: self.certificate_id}
            order.generations = {**order.generations, self.host_id: self.generation}

    class KeyRefused(Event):
        """The host's CSR broke a rule, or no key could be made; a new generation of the key is asked for."""

        TOPIC: ClassVar[str] = "sslclm.order.key-refused.v1"
        host_id: str
        generation: int
        rule: str

        def apply(self, order: Order) -> None:
            order.generations = {**order.generations, self.host_id: self.generation}

    class Abandoned(Event):
        """No key from this host could be certified: none of several fitted, or none came in time."""

        TOPIC: ClassVar[str] = "sslclm.order.abandoned.v1"
        host_id: str
        rule: str

        def apply(self, order: Order) -> None:
            order.state = "abandoned"

    class IssuanceReopened(Event):
        """The issuance for this host ended without a certificate; its key may be certified by a fresh attempt."""

        TOPIC: ClassVar[str] = "sslclm.order.issuance-reopened.v1"
        host_id: str
        certificate_id: str

        def apply(self, order: Order) -> None:
            order.accepted = {host: made for host, made in order.accepted.items() if host != self.host_id}

    class TargetServed(Event):
        """One of the order's deployments is proven."""

        TOPIC: ClassVar[str] = "sslclm.order.target-served.v1"
        deployment_id: str

        def apply(self, order: Order) -> None:
            order.served = order.served | {self.deployment_id}

    class Fulfilled(Event):
        """Every certificate is issued and every target is proven."""

        TOPIC: ClassVar[str] = "sslclm.order.fulfilled.v1"

        def apply(self, order: Order) -> None:
            order.state = "fulfilled"

    def cancel(self, *, at: datetime) -> None:
        """Withdraw the wish while nothing is issued."""
        if self.state not in {"waiting", "approved"}:
            raise WrongState(f"the order is {self.state}", rule="order-state", fix="nothing is left to cancel")
        if self.accepted:
            fix = "revoke its certificates instead"
            raise WrongState("a certificate is issued under the order", rule="order-state", fix=fix)
        self.record(self.Cancelled, at=at)

    def accept_key(self, *, host_id: str, certificate_id: str, spki_sha256: str, csr_sha256: str, at: datetime) -> None:
        """Take a checked key for a host (or a person, empty ``host_id``): one certificate is issued for it."""
        self.must_be_ready(host_id, at=at)
        key = {"certificate_id": certificate_id, "spki_sha256": spki_sha256, "csr_sha256": csr_sha256}
        self.record(self.KeyAccepted, at=at, host_id=host_id, generation=self.generation(host_id), **key)

    def must_be_ready(self, host_id: str, *, at: datetime) -> None:
        """Raise WrongState unless the order is approved, in time, and has no certificate for this host yet."""
        self._must_be("approved")
        if self.approved_until is None or at > self.approved_until:
            raise WrongState("the approval has expired", rule="approval-expired", fix="request again")
        if host_id in self.accepted:
            raise WrongState("this host has its certificate", rule="already-issued", fix="look at the order")
        if host_id not in (self.hosts() or ("",)):
            raise WrongState("the order has no target on this host", rule="order-host", fix="look at the order")

    def refuse_key(self, *, host_id: str, rule: str, at: datetime) -> None:
        """Record that the host's key cannot be used, and ask for the next generation; not for ever."""
        self.must_be_ready(host_id, at=at)
        generation = self.generation(host_id) + 1
        self.record(self.KeyRefused, at=at, host_id=host_id, generation=generation, rule=rule)
        if generation > GENERATIONS_AT_MOST:
            self.record(self.Abandoned, at=at, host_id=host_id, rule=rule)

    def expire(self, *, host_id: str, at: datetime) -> bool:
        """End an order whose approval ran out before this host's key came; tell whether that is so."""
        waiting = self.state == "approved" and host_id not in self.accepted
        if not waiting or self.approved_until is None or at <= self.approved_until:
            return False
        self.record(self.Abandoned, at=at, host_id=host_id, rule="approval-expired")
        return True

    def intend_replacement(self, *, certificate_ids: tuple[str, ...], cause: Cause, at: datetime) -> None:
        """Say, right after the request, whose place the order's certificates take: from here on it is staged."""
        self.record(self.ReplacementIntended, at=at, certificate_ids=certificate_ids, cause=cause)

    def give_up(self, *, host_id: str, rule: str, at: datetime) -> None:
        """Ask for no more keys under an approved order; what is certified under it may still be installed."""
        if self.state == "approved":
            self.record(self.Abandoned, at=at, host_id=host_id, rule=rule)

    def reopen_issuance(self, *, host_id: str, certificate_id: str, at: datetime) -> None:
        """Allow a fresh issuance after one that ended without a certificate."""
        if self.accepted.get(host_id) == certificate_id:
            self.record(self.IssuanceReopened, at=at, host_id=host_id, certificate_id=certificate_id)

    def target_served(self, *, deployment_id: str, all_targets: frozenset[str], at: datetime) -> bool:
        """Note a proven deployment; tell whether the order is fulfilled by it."""
        self.record(self.TargetServed, at=at, deployment_id=deployment_id)
        if self.state == "approved" and all_targets <= self.served and set(self.hosts()) <= set(self.accepted):
            self.fulfil(at=at)
            return True
        return False

    def fulfil(self, *, at: datetime) -> None:
        """End the order: nothing is left to do."""
        self._must_be("approved")
        self.record(self.Fulfilled, at=at)

    def hosts(self) -> tuple[str, ...]:
        """Return the hosts among the targets, each once, in order."""
        return tuple(dict.fromkeys(target.host_id for target in self.targets))

    def generation(self, host_id: str) -> int:
        """Return the number of the key that is wanted from a host, from 1."""
        return self.generations.get(host_id, 1)
