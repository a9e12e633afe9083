"""The identity side as the HTTP edge sees it.

The definitions stand in ``commands/ports/signin.py`` because the adapters in ``infra`` build these values and may not
import ``api``; the edge imports them from here.
"""

from commands.ports.identity import Directory, Known
from commands.ports.signin import (
    CliCodes,
    EndedSession,
    Finished,
    MachineIdentity,
    MachineTokens,
    Rechecks,
    Redirect,
    Session,
    SessionKind,
    Sessions,
    SignedIn,
    SignedOut,
    SignIn,
    SignInRefused,
    SignOut,
    TokenRefused,
)

__all__ = [
    "CliCodes",
    "Directory",
    "EndedSession",
    "Finished",
    "Known",
    "MachineIdentity",
    "MachineTokens",
    "Rechecks",
    "Redirect",
    "Session",
    "SessionKind",
    "Sessions",
    "SignIn",
    "SignInRefused",
    "SignOut",
    "SignedIn",
    "SignedOut",
    "TokenRefused",
]
