from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sslclm_agent.errors import ConfigError, NotEnrolledError
from sslclm_agent.state.files import write_private


@dataclass(frozen=True)
class Identity:
    """Who this agent is: what enrolment gave it. ``task_keys`` are JWKs (Ed25519), times are RFC 3339.

    The backend's root is not in here: it is the pin file.
    """

    host_id: str
    agent_url: str
    task_keys: tuple[dict[str, str], ...]
    renew_after: str

    @property
    def renew_at(self) -> datetime:
        """The moment from which the agent asks for a new certificate."""
        return moment(self.renew_after)


def moment(text: str) -> datetime:
    """Parse an RFC 3339 time; raises ``ValueError`` for anything else, and for one without an offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a time needs its offset")
    return parsed


class IdentityStore:
    """``identity.json`` (facts) and ``identity.pem`` (private key and chain in one file, exchanged at one stroke)."""

    def __init__(self, state_dir: Path) -> None:
        self._facts = state_dir / "identity.json"
        self.pem_path = state_dir / "identity.pem"

    def load(self) -> Identity:
        """Return the identity; raise ``NotEnrolledError`` before enrolment."""
        try:
            facts = json.loads(self._facts.read_bytes())
            return Identity(**{**facts, "task_keys": tuple(facts["task_keys"])})
        except FileNotFoundError as error:
            fix = "sslclm-agent enrol --token-file -"
            raise NotEnrolledError("this agent is not enrolled", fix=fix) from error
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{self._facts} is damaged", fix="remove it and enrol again") from error

    def save(self, identity: Identity, key_pem: bytes, chain: list[str]) -> None:
        """Keep a new identity: the pair first, so that a crash between the two only means one renewal more."""
        write_private(self.pem_path, key_pem + "".join(chain).encode())
        write_private(self._facts, json.dumps(asdict(identity)).encode())

    def renewed(self, key_pem: bytes, chain: list[str], renew_after: str) -> None:
        """Keep a renewed pair."""
        self.save(replace(self.load(), renew_after=renew_after), key_pem, chain)
