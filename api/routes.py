"""Which right each route needs: one literal table; a route without a row cannot be served.

A row holds an action of ``commands/access/permissions.py``. For a read it *is* what is asked of the caller; for a
command the bus asks for the use case's own action, and a test holds the two together. :class:`Public` says why a route
asks for no right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Public:
    """No right is asked for, and why."""

    reason: str


_DESCRIPTION = Public("describes the interface; the same for everybody")
_HEALTH = Public("load balancers and monitors ask; it names parts and no detail")
_SIGN_IN = Public("this is how people come to have rights; the identity provider proves them")
_PKI = Public("relying parties fetch these before they trust anything (RFC 5280 sections 4.2.1.13 and 4.2.2.1)")

ROUTES: Mapping[tuple[str, str], str | tuple[str, ...] | Public] = {
    ("GET", "/"): Public("says how to sign in, or who is signed in"),
    ("GET", "/healthz"): _HEALTH,
    ("GET", "/readyz"): _HEALTH,
    ("GET", "/metrics"): "metrics.read",
    ("GET", "/problems"): _DESCRIPTION,
    ("GET", "/problems/{rule}"): _DESCRIPTION,
    ("GET", "/api/openapi.json"): _DESCRIPTION,
    # signing in and out
    ("GET", "/auth/login"): _SIGN_IN,
    ("GET", "/auth/callback"): _SIGN_IN,
    ("GET", "/auth/cli"): _SIGN_IN,
    ("POST", "/auth/cli/token"): _SIGN_IN,
    ("POST", "/auth/cli/step-up"): _SIGN_IN,
    ("POST", "/auth/cli/logout"): Public("ends the session whose token is sent, and nothing else"),
    ("POST", "/auth/logout"): Public("ends the session whose cookie and CSRF token are sent, and nothing else"),
    ("POST", "/auth/backchannel-logout"): Public("the logout token is signed by the identity provider"),
    # who
    ("GET", "/api/v1/me"): "session.read",
    ("GET", "/api/v1/teams"): "teams.read",
    ("POST", "/api/v1/teams"): "teams.create",
    ("GET", "/api/v1/teams/{team_id}"): "teams.read",
    ("POST", "/api/v1/teams/{team_id}/contact"): "teams.contact",
    ("GET", "/api/v1/grants"): "grants.read",
    ("POST", "/api/v1/grants"): "grants.give",
    ("POST", "/api/v1/grants/{grant_id}/withdraw"): "grants.withdraw",
    # what may be issued, and by whom
    ("GET", "/api/v1/profiles"): "profiles.read",
    ("POST", "/api/v1/profiles"): "profiles.define",
    ("GET", "/api/v1/profiles/{profile_id}"): "profiles.read",
    ("POST", "/api/v1/profiles/{profile_id}/retire"): "profiles.retire",
    ("GET", "/api/v1/policy/rules"): "policy.read",
    ("POST", "/api/v1/policy/explain"): "policy.explain",
    ("GET", "/api/v1/policy/breaches"): "policy.read",
    ("GET", "/api/v1/policy/preview"): "policy.read",
    ("GET", "/api/v1/issuers"): "issuers.read",
    ("GET", "/api/v1/issuers/{issuer_id}"): "issuers.read",
    # hosts
    ("GET", "/api/v1/hosts"): "hosts.read",
    ("POST", "/api/v1/hosts"): "hosts.register",
    ("GET", "/api/v1/hosts/{host_id}"): "hosts.read",
    ("POST", "/api/v1/hosts/{host_id}/token"): "hosts.token",
    ("POST", "/api/v1/hosts/{host_id}/disable"): "hosts.disable",
    ("GET", "/api/v1/deployments"): "deployments.read",
    ("GET", "/api/v1/deployments/{deployment_id}"): "deployments.read",
    ("POST", "/api/v1/deployments/{deployment_id}/retry"): "deployments.retry",
    ("POST", "/api/v1/deployments/{deployment_id}/remove"): "deployments.remove",
    # orders and certificates
    ("GET", "/api/v1/orders"): "orders.read",
    ("POST", "/api/v1/orders"): "orders.request",
    ("POST", "/api/v1/orders/bulk"): "orders.request",
    ("GET", "/api/v1/orders/{order_id}"): "orders.read",
    ("POST", "/api/v1/orders/{order_id}/approve"): "orders.approve",
    ("POST", "/api/v1/orders/{order_id}/reject"): "orders.reject",
    ("POST", "/api/v1/orders/{order_id}/cancel"): "orders.cancel",
    ("POST", "/api/v1/orders/{order_id}/resume"): "orders.resume",
    ("GET", "/api/v1/certificates"): "certificates.read",
    ("GET", "/api/v1/certificates/{certificate_id}"): "certificates.read",
    ("GET", "/api/v1/certificates/{certificate_id}/chain"): "certificates.read",
    ("POST", "/api/v1/certificates/{certificate_id}/revoke"): "certificates.revoke",
    ("POST", "/api/v1/certificates/{certificate_id}/renew"): "certificates.renew",
    ("GET", "/api/v1/renewals"): "certificates.read",
    ("POST", "/api/v1/certificates/{certificate_id}/call-off-revocation"): "certificates.call-off-revocation",
    ("POST", "/api/v1/certificates/bulk-revoke"): "certificates.revoke",
    ("POST", "/api/v1/certificates/import"): "certificates.import",
    ("GET", "/api/v1/transfers"): "transfers.read",
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/offer"): "certificates.offer",
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/withdraw"): "certificates.withdraw-offer",
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/accept"): "certificates.accept",
    ("POST", "/api/v1/certificates/{certificate_id}/transfer/refuse"): "certificates.refuse",
    # time
    ("GET", "/api/v1/clock"): "clock.read",
    ("POST", "/api/v1/clock/confirm"): "clock.confirm",
    ("GET", "/api/v1/recovery"): "epoch.read",
    ("POST", "/api/v1/recovery/propose"): "epoch.propose",
    ("POST", "/api/v1/recovery/confirm"): "epoch.confirm",
    # who was told
    ("GET", "/api/v1/notices"): "notices.read",
    ("GET", "/api/v1/notices/deliveries"): "notices.deliveries",
    # keys and reveals
    ("GET", "/api/v1/keys"): "keys.read",
    ("GET", "/api/v1/keys/{key_id}"): "keys.read",
    ("POST", "/api/v1/certificates/{certificate_id}/reveals"): "reveals.request",
    ("GET", "/api/v1/reveals"): "reveals.read",
    ("GET", "/api/v1/reveals/{reveal_id}"): "reveals.read",
    ("POST", "/api/v1/reveals/{reveal_id}/approve"): "reveals.approve",
    ("POST", "/api/v1/reveals/{reveal_id}/reject"): "reveals.reject",
    ("POST", "/api/v1/reveals/{reveal_id}/redeem"): "reveals.redeem",
    # evidence
    ("GET", "/api/v1/audit/events"): "audit.read",
    ("GET", "/api/v1/audit/objects/{object_id}"): "audit.read",
    ("GET", "/api/v1/audit/keys/{key_id}/accesses"): "audit.read",
    ("GET", "/api/v1/audit/certificates/{certificate_id}/accesses"): "audit.read",
    ("GET", "/api/v1/activity"): "activity.read",
    ("GET", "/api/v1/audit/export"): "audit.read",
    ("GET", "/api/v1/audit/verify"): "audit.read",
    # agents: enrolment on the people's listener, the rest behind mutual TLS
    ("GET", "/.well-known/sslclm/ca.pem"): Public("the root certificate, checked by a fingerprint that came apart"),
    ("POST", "/agent/v1/enrol"): "agent.enrol",
    ("GET", "/agent/v1/tasks"): "agent.tasks",
    ("POST", "/agent/v1/tasks/{task_id}/result"): ("agent.report-key", "agent.report-install", "agent.report-removal"),
    ("POST", "/agent/v1/tasks/{task_id}/key"): "agent.fetch-key",
    ("POST", "/agent/v1/tasks/{task_id}/key-password"): "agent.fetch-key",
    ("POST", "/agent/v1/identity"): "agent.renew-identity",
    ("POST", "/agent/v1/heartbeat"): "agent.heartbeat",
    # the plain listener
    ("GET", "/aia/{slug}.cer"): _PKI,
    ("GET", "/crl/{slug}/{shard}.crl"): _PKI,
}
"""(method, path) -> action (several: which one the body decides), or why there is none."""


def action_of(method: str, path: str) -> str:
    """Return the action that a route needs; raises LookupError for a route that must not be served."""
    row = ROUTES[method, path]
    if not isinstance(row, str):
        raise LookupError(f"{method} {path} names no one action")  # noqa: TRY004 - a wrong row, not a wrong type
    return row
