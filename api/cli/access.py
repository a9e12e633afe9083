"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.client import check, reaching
from api.cli.errors import Misused, ServerDown, SignedOut
from api.cli.invocation import Run, command
from api.cli.loopback import DEADLINE_S, Attempt, Loopback
from api.cli.naming import Names
from api.cli.output import warn
from api.cli.session import Remembered
from api.cli.trust import CA_PATH, fetch_ca

APP = typer.Typer()
PANEL = "Signing in"


@command(APP, "login", panel=PANEL)
def login(
    run: Run,
    ca_sha256: Annotated[
        str, typer.Option(help="SHA-256 of the server's root CA (64 hex): fetch it, compare, and trust only it.")
    ] = "",
    provider: Annotated[str, typer.Option(help="Identity provider; default: the server's first.")] = "",
    *,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> None:
    """Sign in with a browser; the session is kept for the next commands, 8 hours at most, 30 minutes without use."""
    if ca_sha256 and run.options.ca_file:
        raise Misused("--ca-file and --ca-sha256 say the same twice", fix="give one of them")
    ca_pem = fetch_ca(run.server, ca_sha256, run.around.transport) if ca_sha256 else run.ca_pem()
    http = run.http(ca_pem)
    with reaching():
        check(http.get(CA_PATH))  # nobody is sent to sign in at a server that is not the right one
    sent = _ask_person(run, provider, browser=browser)
    with reaching():
        answer: dict[str, Any] = check(http.post("/auth/cli/token", json=sent)).json()
    try:
        kept = Remembered(token=answer["token"], expires_at=answer["expires_at"], ca_pem=ca_pem)
    except (KeyError, ValueError):
        raise ServerDown("the server's answer is not a session", fix="check --server") from None
    run.file.remember(run.server, kept, current=True)
    if run.out.as_json:
        run.out.document({"server": run.server, "expires_at": kept.expires_at})
    run.out.say(
        f"Signed in at {run.server} until {run.out.when(kept.expires_at)}; 30 minutes without use end it earlier."
    )


def sign_in_for(run: Run, act: str, provider: str, *, browser: bool) -> None:
    """Let the person sign in afresh for one act of the session that there is."""
    token = run.remembered().token
    if not token or run.options.token:
        raise SignedOut("this needs a person who signs in", fix="sign in: sslclm login")
    warn("This needs a new sign-in with your second factor, for this one act.")
    sent = _ask_person(run, provider, browser=browser, step_up=act)
    with reaching():
        check(run.http(run.ca_pem(), token).post("/auth/cli/step-up", json=sent))


def _ask_person(run: Run, provider: str, *, browser: bool, step_up: str = "") -> dict[str, str]:
    """Let a person sign in by a browser; returns what is to be exchanged for the session, or bound to it."""
    attempt = Attempt()
    with Loopback(attempt) as loopback:
        url = attempt.url(run.server, loopback.redirect_uri, provider=provider, step_up=step_up)
        opened = browser and run.around.open_browser(url)
        warn("Go on in your browser. If none has opened, open this address:" if opened else "Open this address:")
        warn(url)
        warn(f"This waits up to {int(DEADLINE_S) // 60} minutes for you; Ctrl-C ends it.")
        code = loopback.wait(DEADLINE_S, run.around.monotonic)
        return {"code": code, "code_verifier": attempt.verifier, "redirect_uri": loopback.redirect_uri}


@command(APP, "logout", panel=PANEL)
def logout(run: Run) -> None:
    """End the session, here and on the server."""
    known = run.remembered()
    if not known.token:
        raise SignedOut(f"nobody is signed in at {run.server}", fix="nothing is left to do")
    run.file.remember(run.server, Remembered(ca_pem=known.ca_pem))
    try:
        with reaching():
            check(run.http(run.ca_pem(), known.token).post("/auth/cli/logout"))
    except SignedOut:  # it was over already
        pass
    if run.out.as_json:
        run.out.document({"server": run.server})
    run.out.say(f"Signed out of {run.server}.")


@command(APP, "whoami", panel=PANEL)
def whoami(run: Run) -> None:
    """Show who is signed in, with which roles."""
    me = run.api.get("/me")
    if run.out.as_json:
        run.out.document(me)
        return
    names = Names(run.api)
    facts = {
        "server": run.server,
        "kind": me["kind"],
        "pseudonym": me["pseudonym"],
        "second factor": "proven" if me["mfa"] else "not proven",
        "session ends": run.out.when(me["session_expires_at"]) if me["session_expires_at"] else "",
        "roles": [_role(held, names) for held in me["roles"]],
    }
    run.out.card(me["display_name"] or me["pseudonym"], facts)
    for one in me.get("emergencies", ()):
        until = run.out.when(one["until"])
        warn(f"emergency: an expired TLS certificate of provider {one['provider']} is believed until {until}")


def _role(held: dict[str, Any], names: Names) -> str:
    return f"{held['role']} of team {names.team(held['team_id'])}" if held["team_id"] else str(held["role"])
