"""Notices about hosts, authorities, rights and the backend itself."""

from __future__ import annotations

from commands.notices.notice import Audience, NoticeRule, Severity
from domain.access.emergency import Emergency
from domain.access.grant import GRAVE_ROLES, Grant
from domain.continuity.clock import Clock
from domain.continuity.epochs import Epochs
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer

INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM
OWNER, SEC_OPS, ADMIN = Audience.OWNER, Audience.SEC_OPS, Audience.ADMIN
_LOOK = "sslclm hosts show {object}"
_HISTORY = "sslclm audit object {object}"


def _is_grave(event: Grant.Granted) -> bool:
    return event.role in GRAVE_ROLES


HOSTS = (
    NoticeRule(
        Deployment.Failed, "installation-failed", WARNING, (OWNER,),
        "Installing on {about} failed at the stage {stage}.",
        "Mend the cause on the host, then try again: sslclm deployments retry {object}", "sslclm show {object}",
    ),
    NoticeRule(
        Deployment.RemovalRefused, "removal-refused", WARNING, (OWNER, SEC_OPS),
        "On {about} a revoked certificate is served on: its removal ended at the stage {stage}.",
        "Take the site out of service there, or permit it to the agent, then: sslclm deployments remove {object}",
        "sslclm show {object}",
    ),
    NoticeRule(
        Host.WentOffline, "agent-offline", WARNING, (OWNER,), "The agent of {about} is silent.",
        "See that it runs and reaches the backend. Has its own certificate ended, enrol it anew: sslclm hosts token.",
        _LOOK,
    ),
    NoticeRule(Host.CameBack, "agent-back", INFO, (OWNER,), "The agent of {about} is heard again.", "Nothing.", _LOOK),
    NoticeRule(
        Host.SafeModeEntered, "agent-safe-mode", WARNING, (OWNER, SEC_OPS),
        "The agent of {about} changes nothing any more: safe mode.",
        "Read why on the host, then: sslclm-agent resume", _LOOK,
    ),
)  # fmt: skip
SYSTEM = (
    NoticeRule(
        Issuer.KeyUsed, "root-key-used", ALARM, (SEC_OPS, ADMIN), "The sealed key of {about} was used: {purpose}.",
        "See that this ceremony was meant.", _HISTORY,
    ),
    NoticeRule(
        Issuer.RolloverDue, "issuer-ending", WARNING, (SEC_OPS, ADMIN),
        "{about} ends at {ends}, before a certificate that was wanted of it would.",
        "Set up its successor: what it issues is shorter from now on.", "sslclm issuers",
    ),
    NoticeRule(
        Grant.Granted, "grave-grant", WARNING, (SEC_OPS, ADMIN), "{role} was granted to {subject} of {provider}.",
        "See that this was meant.", "sslclm grants list", _is_grave,
    ),
    NoticeRule(
        Clock.Suspected, "clock-suspect", ALARM, (SEC_OPS, ADMIN),
        "The clock is in doubt ({cause}): it says {wall}, believed is {trusted}; nothing is issued.",
        "Find out what time it is, and confirm it: sslclm clock confirm", "sslclm clock show",
    ),
    NoticeRule(
        Clock.Confirmed, "clock-trusted", INFO, (SEC_OPS, ADMIN), "The clock is believed again: a person said so.",
        "See that this was meant.", _HISTORY,
    ),
    NoticeRule(
        Clock.Returned, "clock-trusted", INFO, (SEC_OPS, ADMIN), "The clock is believed again: it came back by itself.",
        "Find out why it left.", _HISTORY,
    ),
    NoticeRule(
        Epochs.LossFound, "ledger-loss", ALARM, (SEC_OPS, ADMIN),
        "The ledger was restored from before what was published; nothing is issued, revoked or published.",
        "Two people begin a new epoch by this loss, or restore a newer back-up.", _HISTORY,
    ),
    NoticeRule(
        Epochs.Proposed, "approval-waiting", ALARM, (SEC_OPS, ADMIN),
        "A new epoch of the ledger is proposed, until {valid_until}.",
        "Read the loss, then agree as the second person, or do not.", _HISTORY,
    ),
    NoticeRule(
        Epochs.Begun, "ledger-epoch", ALARM, (SEC_OPS, ADMIN),
        "The ledger's epoch {number} has begun after a loss.", "Tell your auditors, and see that this was meant.",
        _HISTORY,
    ),
    NoticeRule(
        Epochs.Reconciled, "ledger-epoch", INFO, (SEC_OPS, ADMIN),
        "What the ledger lost and could be known again is taken over.", "Nothing.", _HISTORY,
    ),
    NoticeRule(
        Emergency.Opened, "emergency-opened", ALARM, (SEC_OPS, ADMIN),
        "Until {until} the expired TLS certificate {leaf_sha256} of the identity provider {provider} is believed.",
        "Renew that certificate, then on the server: sslclm emergency end", _HISTORY,
    ),
    NoticeRule(
        Emergency.Ended, "emergency-ended", INFO, (SEC_OPS, ADMIN),
        "The emergency of the identity provider {provider} is over ({cause}).",
        "Review what was done in it.", _HISTORY,
    ),
)  # fmt: skip
