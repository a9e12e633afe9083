"""One run of the command line: the options that every command shares, the server that is meant, where answers go."""

from __future__ import annotations

import contextlib
import functools
import inspect
import secrets
import ssl
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from api.cli.client import TIMEOUT_S, Api
from api.cli.errors import EXIT_CODES, INTERRUPTED, CliError, Misused, ServerDown, SignedOut
from api.cli.output import Out, complain, warn
from api.cli.session import Remembered, SessionFile
from api.cli.trust import Transport, base_url, context_for, read_ca

_PANEL = "For every command"
_STRANGE_ROWS = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""Rows are read as they come; this is what a member does that is missing or of another kind."""
_STRANGE = "the answer is not what this program understands: is the server of another version?"
_STRANGE_FIX = "compare the versions; with --json the answer is shown as it is"
CheckRows = Callable[..., Mapping[str, Any]]
_LOGIN = "sign in: sslclm login --server https://… --ca-file root-ca.pem (its operator has the file)"


def _now() -> datetime:
    return datetime.now(UTC)


def _folder() -> Path:
    return Path(typer.get_app_dir("sslclm"))


def _over_tls(context: ssl.SSLContext) -> httpx2.BaseTransport:
    return httpx2.HTTPTransport(verify=context, trust_env=False)


def _open_browser(url: str) -> bool:
    """Open a browser with a window of its own; one for the terminal would hide what stands there, and wait."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    return type(browser) is not webbrowser.GenericBrowser and browser.open(url)


def _cannot_check(_export: Path, _found: Mapping[str, Any], *, complete: bool) -> Mapping[str, Any]:  # noqa: ARG001 - a port
    raise Misused("this program checks no exports by itself", fix="run it as sslclm, which brings sslclm-verify")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies outside of the program; tests hand in others. ``zone`` None is the machine's own time zone.

    ``check_rows`` checks an answer of "who accessed" against an export, offline; the entry point puts it in, since
    this package knows HTTP and nothing else.
    """

    folder: Callable[[], Path] = _folder
    transport: Transport = _over_tls
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    open_browser: Callable[[str], bool] = _open_browser
    zone: tzinfo | None = None
    check_rows: CheckRows = _cannot_check


@dataclass(frozen=True, slots=True)
class Options:
    """The options that every command shares."""

    server: str
    ca_file: Path | None
    token: str = field(repr=False)
    as_json: bool
    key: str


@dataclass
class Run:
    """One invocation; connections are opened when they are first needed."""

    around: Surroundings
    options: Options
    _open: list[httpx2.Client] = field(default_factory=list)

    @cached_property
    def out(self) -> Out:
        """Where answers go."""
        return Out(self.options.as_json, self.around.now, self.around.zone)

    @cached_property
    def file(self) -> SessionFile:
        """What is remembered from run to run."""
        return SessionFile(self.around.folder())

    @cached_property
    def server(self) -> str:
        """The base of the server that is meant. Raises SignedOut where none is known."""
        named = self.options.server or self.file.read().current
        if not named:
            raise SignedOut("no server is known here", fix=_LOGIN)
        return base_url(named)

    def remembered(self) -> Remembered:
        """Return what is kept of this run's server."""
        return self.file.read().servers.get(self.server, Remembered())

    def ca_pem(self) -> str:
        """Return the roots that this run's server is trusted under; "" means the machine's own."""
        return read_ca(self.options.ca_file) if self.options.ca_file else self.remembered().ca_pem

    def http(self, ca_pem: str, token: str = "") -> httpx2.Client:
        """Return a client that believes servers under ``ca_pem`` and sends ``token`` with every call."""
        headers = {"User-Agent": "sslclm-cli"} | ({"Authorization": f"Bearer {token}"} if token else {})
        transport = self.around.transport(context_for(ca_pem))
        client = httpx2.Client(
            base_url=self.server, transport=transport, headers=headers, trust_env=False, timeout=TIMEOUT_S
        )
        self._open.append(client)
        return client

    @cached_property
    def api(self) -> Api:
        """The server, as whoever is signed in. Raises SignedOut where nobody is."""
        known = self.remembered()
        token = self.options.token or known.token
        if not token:
            raise SignedOut(f"nobody is signed in at {self.server}", fix=_LOGIN)
        if not (token.isascii() and token.isprintable()):
            raise Misused("the token is not one: it has characters that no token has", fix="check SSLCLM_CLI_TOKEN")
        position = 0 if self.options.token else known.position
        return Api(self.http(self.ca_pem(), token), position=position, moved=self._moved, key=_key(self.options.key))

    def _moved(self, position: int) -> None:
        if self.options.token:
            return  # a pipeline's calls leave nothing behind
        with contextlib.suppress(CliError):  # what was done is done; a read that lags a little is no failure
            self.file.remember(self.server, self.remembered().model_copy(update={"position": position}))

    def check_rows(self, export: Path, found: Mapping[str, Any], *, complete: bool) -> Mapping[str, Any]:
        """Check an answer against an export. Raises Misused where that cannot be done."""
        return self.around.check_rows(export, found, complete=complete)

    def close(self) -> None:
        """Close what was opened."""
        for client in self._open:
            client.close()


def _key(given: str) -> str:
    if given and not (given.isascii() and given.isprintable()):
        raise Misused("an idempotency key is printable ASCII", fix="for example: --idempotency-key build-4711")
    return given or secrets.token_urlsafe(24)


def _shared(  # the signature is what counts: typer reads the options from it
    server: Annotated[
        str, typer.Option(envvar="SSLCLM_CLI_SERVER", help="Default: signed in to last.", rich_help_panel=_PANEL)
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option(envvar="SSLCLM_CLI_CA_FILE", help="Trust only these roots (PEM).", rich_help_panel=_PANEL),
    ] = None,
    token: Annotated[str, typer.Option(envvar="SSLCLM_CLI_TOKEN", hidden=True)] = "",
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output.", rich_help_panel=_PANEL)
    ] = False,
    key: Annotated[
        str,
        typer.Option("--idempotency-key", help="Repeat a command safely with its key.", rich_help_panel=_PANEL),
    ] = "",
) -> Options:
    return Options(server, ca_file, token, as_json, key)


def command(
    app: typer.Typer, name: str, *, changes: bool = False, panel: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register ``function(run, …)`` as a command of ``app`` that also takes the options every command shares.

    ``changes``: it sends a command to the server, so it takes an idempotency key. Errors become exit codes here.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name, rich_help_panel=panel, epilog=EXIT_CODES)(_joined(function, changes=changes))
        return function

    return register


def _joined(function: Callable[..., None], *, changes: bool) -> Callable[..., None]:
    """Return ``function`` under a signature of its own options and the shared ones."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    every = inspect.signature(_shared, eval_str=True).parameters.values()
    shared = [one for one in every if changes or one.name != "key"]

    @functools.wraps(function)
    def run(ctx: typer.Context, **given: Any) -> None:
        options = _shared(**{one.name: given.pop(one.name) for one in shared})
        made = Run(ctx.find_object(Surroundings) or Surroundings(), options)
        try:
            _no_token_in_sight(ctx)
            function(made, **given)
        except CliError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            warn("sslclm: interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except _STRANGE_ROWS as error:
            complain(ServerDown(f"{_STRANGE} ({type(error).__name__}: {error})", fix=_STRANGE_FIX))
            raise typer.Exit(ServerDown.exit_code) from error
        finally:
            made.close()

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared)]
    run.__signature__ = inspect.Signature([context, *named])  # type: ignore[attr-defined] # what inspect looks for
    run.__annotations__ = {one.name: one.annotation for one in (context, *named)}
    return run


def _no_token_in_sight(ctx: typer.Context) -> None:
    source = ctx.get_parameter_source("token")
    if source is not None and source.name == "COMMANDLINE":
        raise Misused(
            "a token on the command line is seen by everybody on this machine",
            fix="set the environment variable SSLCLM_CLI_TOKEN instead",
        )
