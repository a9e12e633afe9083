"""What the development provider remembers while it runs: sign-ins, codes, refresh tokens. Nothing survives a stop."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from infra.identity.devprovider.tokens import Login

CODE_S = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorization request that may be granted (OIDC Core section 3.1.2.1)."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a refresh token stands for."""

    asked: Asked
    login: Login
    expires: int


@dataclass(slots=True)
class Store:
    """All state of the provider; ``disabled`` holds subjects whose refresh tokens are refused."""

    logins: dict[str, Login] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    access: dict[str, Login] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)

    def remember(self, login: Login) -> str:
        """Return the browser cookie of a sign-in."""
        cookie = secrets.token_urlsafe(32)
        self.logins[cookie] = login
        return cookie

    def code(self, asked: Asked, login: Login, now: int) -> str:
        """Return a new authorization code."""
        code = secrets.token_urlsafe(32)
        self.codes[code] = Grant(asked, login, now + CODE_S)
        return code

    def redeem(self, code: str, verifier: str, redirect_uri: str, now: int) -> Grant | None:
        """Return what a code stands for, once; None for a used, old or stolen one (RFC 7636 section 4.6)."""
        grant = self.codes.pop(code, None)
        if grant is None or grant.expires <= now or grant.asked.redirect_uri != redirect_uri:
            return None
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return grant if hmac.compare_digest(digest.encode(), grant.asked.code_challenge.encode()) else None

    def new_refresh(self, grant: Grant) -> str:
        """Return a refresh token; each is good once, its use gives the next one."""
        token = secrets.token_urlsafe(32)
        self.refresh[token] = grant
        return token

    def use_refresh(self, token: str) -> Grant | None:
        """Return what a refresh token stands for, once; None where it, its session or its person is gone."""
        grant = self.refresh.pop(token, None)
        if grant is None or grant.login.persona.subject in self.disabled:
            return None
        return grant if any(login.sid == grant.login.sid for login in self.logins.values()) else None

    def end(self, sid: str) -> None:
        """End one sign-in everywhere."""
        self.logins = {cookie: login for cookie, login in self.logins.items() if login.sid != sid}
