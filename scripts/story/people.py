"""Signing in: the same way for a person's command line, for the real ``sslclm login``, and for a pipeline."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2

from api.cli.loopback import Attempt
from infra.identity.devprovider.personas import PERSONAS
from scripts.story.calls import https
from scripts.story.place import ROOT, Place, StoryError
from scripts.story.processes import BARE

SHORT = {
    "vera": "Vera", "dev-anna": "Anna", "dev-ben": "Ben", "sec-olga": "Olga", "sec-omar": "Omar", "adam": "Adam",
}  # fmt: skip
"""The personas of the story, by their subject at the development provider, with the names it tells them under."""
ROLES = {one.subject: one.role for one in PERSONAS}
_PORT_NOBODY_LISTENS_ON = "http://127.0.0.1:9/callback"
_REDIRECTS = 6
_WAIT_S = 30.0


def sign_in(place: Place, persona: str) -> str:
    """Sign a persona in as the command line does (code flow, PKCE, loopback redirect); returns the session's token.

    The browser is played here: it stops where it would be sent to the command line's own port.
    """
    with https(place) as client:
        answer = client.post("/auth/cli/token", json=_code(client, persona))
    if answer.status_code != httpx2.codes.OK:
        raise StoryError(f"the sign-in of {persona} was refused: {answer.text}")
    return str(answer.json()["token"])


def step_up(place: Place, persona: str, token: str, act: str) -> None:
    """Sign a persona in once more, with the second factor, for one act of the session that has this token."""
    with https(place) as client:
        sent = _code(client, persona, step_up=act)
        answer = client.post("/auth/cli/step-up", json=sent, headers={"Authorization": f"Bearer {token}"})
    if answer.status_code != httpx2.codes.NO_CONTENT:
        raise StoryError(f"the fresh sign-in of {persona} was refused: {answer.text}")


def _code(client: httpx2.Client, persona: str, **wishes: str) -> dict[str, str]:
    """Return what a command line redeems after a browser has signed a persona in."""
    attempt = Attempt()
    back = browse(client, attempt.url("", _PORT_NOBODY_LISTENS_ON, **wishes), persona)
    query = dict(parse_qsl(urlsplit(back).query))
    if query.get("state") != attempt.state:
        raise StoryError(f"the sign-in of {persona} came back without our state")
    return {"code": query["code"], "code_verifier": attempt.verifier, "redirect_uri": _PORT_NOBODY_LISTENS_ON}


def browse(client: httpx2.Client, url: str, persona: str) -> str:
    """Follow redirects as a browser does, choosing ``persona`` on the provider's page; returns the last address."""
    answer = client.get(url)
    for _ in range(_REDIRECTS):
        if not answer.is_redirect:
            raise StoryError(
                f"the sign-in of {persona} ended at {answer.url}: {answer.status_code} {answer.text[:300]}"
            )
        url = answer.headers["location"]
        if "/callback?" in url and url.startswith("http://127.0.0.1:"):
            return url
        if "/authorize?" in url:
            answer = client.post(url, data={"persona": persona, "second_factor": "yes"})
        else:
            answer = client.get(url)
    raise StoryError(f"the sign-in of {persona} goes round in circles")


@dataclass(frozen=True)
class CommandLine:
    """The real ``sslclm`` of one person, with a home folder of its own."""

    place: Place
    persona: str

    def run(self, *arguments: str | Path) -> str:
        """Run it and return what it printed. Raises StoryError where it failed."""
        done = subprocess.run(  # noqa: S603 - our own program, arguments as a list
            self._words(*arguments), env=self._environ(), cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=_WAIT_S * 2, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise StoryError(f"sslclm {' '.join(map(str, arguments))} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def login(self) -> str:
        """Run ``sslclm login`` and be its browser: it prints an address, waits on a loopback port, gets the code."""
        words = self._words("login", "--no-browser", "--server", self.place.base_url, "--ca-file", self.place.ca_file)
        with subprocess.Popen(  # noqa: S603 - our own program, arguments as a list
            words, env=self._environ(), cwd=ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                self._be_its_browser(process)
                said, complaint = process.communicate(timeout=_WAIT_S)
            finally:
                process.kill()
        if process.returncode:
            raise StoryError(f"sslclm login failed: {said}{complaint}")
        return said

    def _be_its_browser(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        text = ""
        for line in process.stderr:
            text += line.strip()
            found = re.search(r"https://\S+/auth/cli\?\S*state=[^\s&]+\S*", text)
            if found and _is_whole(found[0]):
                break
        else:
            raise StoryError(f"sslclm login printed no address: {text}")
        with https(self.place) as client:
            back = browse(client, found[0], self.persona)
            client.get(back)

    def _words(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "scripts.sslclm", *map(str, arguments)]

    def _environ(self) -> dict[str, str]:
        home = self.place.homes / self.persona
        home.mkdir(mode=0o700, exist_ok=True)
        return {**BARE, "HOME": str(home)}


def _is_whole(url: str) -> bool:
    """Tell whether an address that was printed over several lines is complete: state is its last member, 32 long."""
    return len(dict(parse_qsl(urlsplit(url).query)).get("state", "")) >= 32  # noqa: PLR2004 - 24 bytes in base64url


def pipeline_token(place: Place, client_id: str) -> str:
    """Return an access token of a pipeline: client credentials at the provider (RFC 6749 section 4.4)."""
    secret = place.machine_secret(client_id)
    with httpx2.Client(trust_env=False, timeout=_WAIT_S) as client:
        answer = client.post(
            f"{place.provider_url}/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )
    if answer.status_code != httpx2.codes.OK:
        raise StoryError(f"the provider refused {client_id}: {answer.text}")
    return str(answer.json()["access_token"])
