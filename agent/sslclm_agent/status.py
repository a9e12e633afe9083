from __future__ import annotations

from typing import Any

from cryptography import x509

from sslclm_agent import VERSION
from sslclm_agent.config.settings import Settings
from sslclm_agent.deploy.journal import Journal
from sslclm_agent.state.files import private_directory
from sslclm_agent.state.identity import IdentityStore
from sslclm_agent.state.outbox import Outbox
from sslclm_agent.state.safe_mode import SafeMode


def describe(settings: Settings) -> dict[str, Any]:
    """Say from the state directory alone how the agent is; raises ``NotEnrolledError`` before enrolment."""
    state_dir = private_directory(settings.state_dir)
    store = IdentityStore(state_dir)
    identity = store.load()
    certificate = x509.load_pem_x509_certificate(store.pem_path.read_bytes())
    entry = Journal(state_dir).read()
    return {
        "version": VERSION,
        "host_id": identity.host_id,
        "backend": identity.agent_url,
        "certificate_until": certificate.not_valid_after_utc.isoformat(),
        "renew_after": identity.renew_after,
        "safe_mode": SafeMode(state_dir).reason,
        "results_waiting": len(Outbox(state_dir).waiting()),
        "results_rejected": len(list((state_dir / "rejected").glob("*.json"))),
        "installation_under_way": entry.task_id if entry else None,
    }
