"""Every error that a rule of SSL-CLM can raise.

::

    ClmError
    ├── InvalidInput          the bytes or fields given cannot be what they claim to be
    ├── NotFound              no such object, or none that this principal may know of
    ├── Unauthenticated       nobody we know is calling: no proof of identity, or one that is not good (any more)
    ├── Denied                the principal's rights do not reach this act
    │   └── StepUpRequired    the right is there, a fresh multi-factor sign-in is missing
    ├── PolicyRefused         a dated policy rule forbids it, whoever asks
    ├── WrongState            the object's life has no such step from where it stands
    ├── AlreadyExists         a name that must be unique is taken
    ├── IdempotencyMismatch   the idempotency key was used for something else
    ├── TooMany               asked too often in a short time
    └── Unavailable           a part that is needed does not answer; asking again later may help

An error names the rule that was broken and what mends it; the HTTP status is chosen in one table at the edge.
"""

from __future__ import annotations


class ClmError(Exception):
    """Base of all rule violations: ``rule`` is a stable machine name, ``fix`` tells a person what helps."""

    rule = "error"

    def __init__(self, message: str, *, rule: str | None = None, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if rule is not None:
            self.rule = rule


class InvalidInput(ClmError):
    """The bytes or fields given cannot be what they claim to be."""

    rule = "invalid-input"


class NotFound(ClmError):
    """There is no such object, or none that this principal may know of."""

    rule = "not-found"


class Unauthenticated(ClmError):
    """Nobody we know is calling: no proof of identity came along, or one that is not good (any more)."""

    rule = "unauthenticated"


class Denied(ClmError):
    """The principal's rights do not reach this act."""

    rule = "access-denied"


class StepUpRequired(Denied):
    """The right is there; a fresh multi-factor sign-in, bound to this act, is missing (RFC 9470)."""

    rule = "insufficient-user-authentication"


class PolicyRefused(ClmError):
    """A dated policy rule forbids it, whoever asks."""

    rule = "policy-refused"


class WrongState(ClmError):
    """The object's life has no such step from where it stands."""

    rule = "wrong-state"


class AlreadyExists(ClmError):
    """A name that must be unique is taken."""

    rule = "already-exists"


class IdempotencyMismatch(ClmError):
    """The idempotency key was used before, for something else."""

    rule = "idempotency-key-reused"


class TooMany(ClmError):
    """Asked too often in a short time; asking again later helps."""

    rule = "too-many-requests"


class Unavailable(ClmError):
    """A part that is needed does not answer; asking again later may help."""

    rule = "unavailable"
