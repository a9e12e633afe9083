"""One-time codes between browser and command line: the session token never stands in a URL."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from urllib.parse import urlsplit

from commands.ports.signin import SignedIn
from domain.errors import InvalidInput
from infra.identity.evidence import pack, unpack
from infra.identity.jose import refused
from infra.identity.provider import Clock
from infra.identity.sessions import StoredSessions
from infra.identity.tables import CLI_CODE
from infra.records.port import Records, Transaction, at_most
from infra.records.sealing import Sealer, digest

CODE_S = 60
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_PLAIN = re.compile(r"[!-~]{1,255}")
_LOOPBACK = {"127.0.0.1", "::1"}


class StoredCliCodes:
    """Codes as RFC 6749 and RFC 7636 have them, between ourselves and our own command line (port ``CliCodes``)."""

    def __init__(self, sessions: StoredSessions, records: Records, sealer: Sealer, clock: Clock) -> None:
        self._sessions = sessions
        self._records = records
        self._sealer = sealer
        self._clock = clock

    def issue(self, signed_in: SignedIn, *, code_challenge: str, redirect_uri: str, step_up: str | None = None) -> str:
        """Return a code for a sign-in that was made for the command line; see the port."""
        check_cli_request(code_challenge, redirect_uri)
        code, now = secrets.token_urlsafe(32), self._clock().timestamp()
        key = digest(code)
        kept = {"challenge": code_challenge, "uri": redirect_uri, "who": pack(signed_in).decode(), "act": step_up}
        sealed = self._sealer.seal(json.dumps(kept).encode(), b"cli" + key)
        row = {"code": key, "expires": now + CODE_S, "sealed": sealed}

        def note(tx: Transaction) -> None:
            tx.delete(CLI_CODE, {"expires": at_most(now)})
            tx.insert(CLI_CODE, row)

        self._records.transact(note)
        return code

    def redeem(self, code: str, *, code_verifier: str, redirect_uri: str) -> str:
        """Return the token of a new session; whoever tries a code burns it."""
        who, act = self._take(code, code_verifier, redirect_uri)
        if act is not None:
            raise refused("the code was issued for a step-up, which opens no session", "cli-code")
        token, _ = self._sessions.create(who, "cli")
        return token

    def redeem_step_up(self, code: str, *, code_verifier: str, redirect_uri: str) -> tuple[SignedIn, str]:
        """Return who signed in for which act; whoever tries a code burns it."""
        who, act = self._take(code, code_verifier, redirect_uri)
        if act is None:
            raise refused("the code was issued for a sign-in, not for a step-up", "cli-code")
        return who, act

    def _take(self, code: str, code_verifier: str, redirect_uri: str) -> tuple[SignedIn, str | None]:
        key = digest(code)
        rows = self._records.transact(lambda tx: tx.delete(CLI_CODE, {"code": key}))
        plain = self._sealer.open(rows[0]["sealed"], b"cli" + key) if rows else None
        if plain is None or rows[0]["expires"] <= self._clock().timestamp():
            raise refused("the code was used, is too old or never was", "cli-code")
        kept = json.loads(plain)
        if not _fits(code_verifier, kept["challenge"]) or redirect_uri != kept["uri"]:
            raise refused("the code was issued to another command line", "cli-verifier")
        return unpack(kept["who"].encode()), kept.get("act")


def check_cli_request(code_challenge: str, redirect_uri: str) -> None:
    """Refuse a request that is not PKCE S256 to a port of this machine (RFC 8252 section 7.3). To be asked early."""
    if not _CHALLENGE.fullmatch(code_challenge):
        raise InvalidInput("code_challenge is not S256 (43 characters)", rule="cli-challenge", fix="use RFC 7636 S256")
    try:
        parts = urlsplit(redirect_uri)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = not (parts.query or parts.fragment or parts.username) and _PLAIN.fullmatch(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or not port or not plain:
        raise InvalidInput(
            "redirect_uri is not a port of this machine",
            rule="cli-redirect",
            fix="use http://127.0.0.1:<port>/<path> without a query",
        )


def _fits(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    derived = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(derived, challenge.encode())
