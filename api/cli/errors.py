"""Every way in which the command line can fail, and the exit code that scripts see.

::

    CliError              a sentence, what mends it, the correlation id of the server's log line
    ├── Refused        1  the server said no (4xx)
    ├── Misused        2  the command line itself is wrong
    ├── SignedOut      3  nobody is signed in, or the session is over
    ├── ServerDown     4  the server is out of reach, not to be trusted, or broken (5xx)
    └── Waiting        5  accepted, and not issued yet
"""

from __future__ import annotations

EXIT_CODES = (
    "Exit codes: 0 done; 1 refused by the server; 2 wrong usage; 3 not signed in, or the session is over; "
    "4 server out of reach, not trusted, or broken; 5 accepted, but not issued yet; 130 interrupted."
)


INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""


class CliError(Exception):
    """Base: ``fix`` tells a person what helps, ``correlation_id`` names the server's log line ("" where there is none).

    ``rule`` is the server's stable name of the rule that was broken. ``then`` are further lines of what to do.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, fix: str = "", correlation_id: str = "", rule: str = "", then: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.correlation_id = correlation_id
        self.rule = rule
        self.then = then


class Refused(CliError):
    """The server answered, and the answer is no."""


class Misused(CliError):
    """The command line cannot be meant like this, or a local file is not what it should be."""

    exit_code = 2


class SignedOut(CliError):
    """Nobody is signed in here, or the session is over."""

    exit_code = 3


class ServerDown(CliError):
    """The server cannot be reached, is not the one that we trust, or does not work."""

    exit_code = 4


class Waiting(CliError):
    """The order was accepted, but there is no certificate yet."""

    exit_code = 5
