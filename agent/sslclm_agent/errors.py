"""What can go wrong, as one tree; every leaf has its exit code.

AgentError (1)
├── ConfigError (3)           a file of the agent is not as it must be
├── NotEnrolledError (4)      there is no identity yet
├── UnreachableError (5)      the backend did not answer, or not over TLS that verifies
├── RefusedByBackendError (6) the backend answered with a problem (RFC 9457)
├── LockedError (7)           another agent works on this state directory
├── TaskError                 one task is refused; the agent goes on
│   └── SignatureError        the task was not signed by the backend: safe mode
└── StageError                one installation failed at a named stage; the agent goes on
"""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    """A sentence for the operator, and the command or act that mends it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, *, fix: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fix = fix


class ConfigError(AgentError):
    """A properties file, a directory or a stored file is not as it must be."""

    exit_code = 3


class NotEnrolledError(AgentError):
    """The agent has no identity yet."""

    exit_code = 4


class UnreachableError(AgentError):
    """The backend gave no complete, verified answer in time; trying again later is right."""

    exit_code = 5


class RefusedByBackendError(AgentError):
    """The backend answered with an error status; ``status`` says which."""

    exit_code = 6

    def __init__(self, sentence: str, *, status: int, fix: str = "") -> None:
        super().__init__(sentence, fix=fix)
        self.status = status


class LockedError(AgentError):
    """Another agent process holds the state directory."""

    exit_code = 7


class TaskError(AgentError):
    """A task is not done: it is malformed, not for this host, expired or not allowed here."""


class SignatureError(TaskError):
    """The task does not carry a valid signature of the backend's task key."""


class StageError(AgentError):
    """An installation failed; ``stage`` is one of check, write, validate, reload, probe, refused."""

    def __init__(self, stage: str, sentence: str) -> None:
        super().__init__(sentence)
        self.stage = stage
