"""``sslclm-agent``: enrol, run, once, status, doctor, resume.

Exit codes: 0 well; 1 unexpected; 2 wrong usage; 3 configuration refused; 4 not enrolled; 5 backend unreachable;
6 refused by the backend; 7 another agent is working; 8 safe mode; 9 the doctor found something.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sslclm_agent import VERSION
from sslclm_agent.backend.enrolment import enrol
from sslclm_agent.clock import Clock
from sslclm_agent.config.settings import DEFAULT_PATH, Settings, load
from sslclm_agent.doctor import examine
from sslclm_agent.errors import AgentError, ConfigError
from sslclm_agent.interrupts import Interrupts, StopAgent
from sslclm_agent.loop import Agent
from sslclm_agent.state.files import private_directory
from sslclm_agent.state.lock import only_one
from sslclm_agent.state.safe_mode import SafeMode
from sslclm_agent.status import describe

SAFE_MODE = 8
FOUND = 9
_log = logging.getLogger("sslclm_agent")
Progress = Callable[[str], None]


def main(argv: Sequence[str] | None = None, progress: Progress | None = None) -> int:
    """Run the command line and return the exit code; ``progress`` is told every step of every installation."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    os.umask(0o027)  # what is private is made 0600 or 0700 by name; folders on a target's way are for its group too
    interrupts = Interrupts()
    try:
        interrupts.listen()
        code: int = options.act(options, load(options.config), interrupts, progress or _log_step)
    except StopAgent:
        return 0
    except AgentError as error:
        sys.stderr.write(f"sslclm-agent: {error.sentence}\n" + (f"  mend: {error.fix}\n" if error.fix else ""))
        return error.exit_code
    return code


def _log_step(step: str) -> None:
    _log.info("%s", step)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sslclm-agent",
        description=(__doc__ or "").replace("``", ""),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--config", default=DEFAULT_PATH, help=f"default {DEFAULT_PATH}")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    enrolling = commands.add_parser("enrol", help="turn a bootstrap token into an identity")
    enrolling.add_argument("--token-file", required=True, help="file with the token, - for standard input")
    enrolling.add_argument("--replace", action="store_true", help="replace an identity that exists")
    enrolling.set_defaults(act=_enrol)
    commands.add_parser("run", help="work until stopped").set_defaults(act=_run)
    commands.add_parser("once", help="drain the task queue, then end").set_defaults(act=_once)
    commands.add_parser("resume", help="leave safe mode").set_defaults(act=_resume)
    for name, act, text in (("status", _status, "say how the agent is"), ("doctor", _doctor, "look for what is wrong")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--json", action="store_true", help="for machines")
        command.set_defaults(act=act)
    return parser


def _enrol(options: argparse.Namespace, settings: Settings, _interrupts: Interrupts, _progress: Progress) -> int:
    token = _token(options.token_file)
    with only_one(private_directory(settings.state_dir)):
        identity = enrol(settings, token, replace=options.replace)
    sys.stdout.write(f"enrolled as {identity.host_id} at {identity.agent_url}\n")
    return 0


def _token(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
    except OSError as error:
        fix = f"make one where you are signed in: sslclm hosts token HOST >{source}; or give - for standard input"
        raise ConfigError(f"the token file {source} cannot be read: {error.strerror}", fix=fix) from error
    except UnicodeDecodeError as error:
        fix = "give the file that holds the token, or - for standard input"
        raise ConfigError(f"{source} holds no token: it is not text", fix=fix) from error


def _run(_options: argparse.Namespace, settings: Settings, interrupts: Interrupts, progress: Progress) -> int:
    with only_one(private_directory(settings.state_dir)):
        Agent(settings, interrupts, Clock(), progress).run()
    return 0


def _once(_options: argparse.Namespace, settings: Settings, interrupts: Interrupts, progress: Progress) -> int:
    with only_one(private_directory(settings.state_dir)):
        reason = Agent(settings, interrupts, Clock(), progress).once()
    if reason:
        sys.stderr.write(f"sslclm-agent: safe mode: {reason}\n  mend: look into it, then sslclm-agent resume\n")
    return SAFE_MODE if reason else 0


def _resume(_options: argparse.Namespace, settings: Settings, _interrupts: Interrupts, _progress: Progress) -> int:
    SafeMode(settings.state_dir).leave()
    sys.stdout.write("safe mode is off\n")
    return 0


def _status(options: argparse.Namespace, settings: Settings, _interrupts: Interrupts, _progress: Progress) -> int:
    facts = describe(settings)
    shown = {key.replace("_", " "): "no" if value is None else value for key, value in facts.items()}
    lines = "".join(f"{key}: {value}\n" for key, value in shown.items())
    sys.stdout.write(json.dumps(facts) + "\n" if options.json else lines)
    return SAFE_MODE if facts["safe_mode"] else 0


def _doctor(options: argparse.Namespace, settings: Settings, _interrupts: Interrupts, _progress: Progress) -> int:
    findings = examine(settings, Path(options.config), Clock())
    rows = [{"check": each.check, "ok": each.ok, "detail": each.detail, "mend": each.mend} for each in findings]
    lines = "".join(each.line() for each in findings)
    sys.stdout.write(json.dumps(rows) + "\n" if options.json else lines)
    return 0 if all(each.ok for each in findings) else FOUND
