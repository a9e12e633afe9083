"""Every command against every role and scope: what is not in the rows below is denied.

Harm prevented: a new command that anybody may give, or a right that reaches another team's or host's objects.
"""

from __future__ import annotations

import itertools

import pytest

from commands.access.permissions import OutOfScope, authorise
from commands.base import Scope
from commands.context import Held, Principal, Role
from commands.handlers import HANDLERS
from domain.errors import Denied

WHO = {
    "V": Role.VIEWER,
    "D": Role.DEVOPS,
    "S": Role.SEC_OPS,
    "A": Role.ADMIN,
    "G": Role.AGENT,
    "Y": Role.SYSTEM,
}
ROWS = {
    "CreateTeam": "SAY",
    "NameContact": "DSA",
    "GiveGrant": "SAY",
    "WithdrawGrant": "SAY",
    "OpenSession": "Y",
    "EndSession": "Y",
    "DefineProfile": "SAY",
    "RetireProfile": "SA",
    "CheckLiving": "Y",
    "RegisterHost": "DSA",
    "MakeBootstrapToken": "DSA",
    "DisableHost": "DSA",
    "EnrolAgent": "G",
    "RenewAgentIdentity": "G",
    "ConfirmAgentKey": "G",
    "ReportHeartbeat": "G",
    "ReportKey": "G",
    "ReportInstall": "G",
    "ReportRemoval": "G",
    "RetryDeployment": "DSA",
    "RemoveDeployment": "DSA",
    "RequestCertificate": "DSA",
    "ApproveOrder": "S",
    "RejectOrder": "S",
    "CancelOrder": "DSA",
    "ResumeOrder": "DSA",
    "RevokeCertificate": "DSA",
    "ImportCertificate": "DS",
    "OfferOwnership": "DSA",
    "WithdrawOffer": "DSA",
    "AcceptOwnership": "DS",
    "RefuseOwnership": "DS",
    "RenewCertificate": "DSA",
    "AdvanceRenewal": "Y",
    "CallOffRevocation": "DSA",
    "CarryOutRevocation": "Y",
    "RecordIssued": "Y",
    "RecordFailed": "Y",
    "IssueServerCertificate": "Y",
    "CreateIssuer": "Y",
    "UseRootKey": "Y",
    "PublishCrl": "Y",
    "RecordCrl": "Y",
    "CertifyServerKey": "Y",
    "AuthoriseDelivery": "G",
    "DestroyCopy": "Y",
    "RequestReveal": "SA",
    "ApproveReveal": "S",
    "RejectReveal": "SA",
    "RedeemReveal": "SA",
    "ErasePerson": "Y",
    "NoteReading": "VDSAY",
    "NotePresence": "Y",
    "RaiseAlarm": "Y",
    "ClearAlarm": "Y",
    "OpenEmergency": "Y",
    "EndEmergency": "Y",
    "NoteClock": "Y",
    "ConfirmClock": "SAY",
    "BeginRotation": "Y",
    "EndRotation": "Y",
    "FindLoss": "Y",
    "ProposeEpoch": "SA",
    "ConfirmEpoch": "SA",
    "TakeOverCertificate": "Y",
    "TakeOverRevocation": "Y",
    "FinishTakeOver": "Y",
}
"""Command -> who may give it; D for their team's objects, G for their own host's, everybody else everywhere."""
SCOPES = {
    "own team": Scope("team-a"),
    "other team": Scope("team-b"),
    "no team": Scope(),
    "own host": Scope(None, None, "host-a"),
    "other host": Scope(None, None, "host-b"),
}
REACHED = {"D": {"own team"}, "G": {"own host"}}


def test_every_command_has_its_row():
    """A new command without a row fails here."""
    assert set(ROWS) == {kind.__name__ for kind in HANDLERS}


@pytest.mark.parametrize(("letter", "scope"), list(itertools.product(WHO, SCOPES)))
@pytest.mark.parametrize("command", ROWS)
def test_a_role_reaches_what_its_row_says(command, letter, scope):
    """Denied where the role has no such right, out of scope where it has, elsewhere."""
    action = next(row.action for kind, row in HANDLERS.items() if kind.__name__ == command)
    held = Held(WHO[letter], "team-a" if letter == "D" else None)
    principal = Principal("p-1", "person", (held,), host="host-a" if letter == "G" else None)

    try:
        verdict = authorise(action, principal, SCOPES[scope]) == held
    except (Denied, OutOfScope) as refusal:
        verdict = type(refusal)

    reached = scope in REACHED.get(letter, SCOPES)
    expected = (True if reached else OutOfScope) if letter in ROWS[command] else Denied
    assert expected == verdict
