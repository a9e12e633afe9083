"""A small TLS server for machines without nginx: ``python -m scripts.story.tls_server``.

It serves each site's pair on a port. When the agent writes a number into the trigger file it loads the pairs anew and
answers with that number in the status file, the way a root-owned reload unit would; while there is anything in the
configuration folder it refuses, as nginx refuses a configuration it does not understand.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
from pathlib import Path

_LOOK_EVERY_S = 0.05
_HANDSHAKE_S = 10.0
_REQUEST_S = 10.0
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


class Site:
    """One port and the pair that it serves; the context that listens hands every handshake to the newest one."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.newest = self.load()
        self.listening = self.load()
        self.listening.sni_callback = self._answer_with_newest

    def load(self) -> ssl.SSLContext:
        """Return a context with the pair as it lies there now. Raises OSError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "fullchain.pem", self.folder / "privkey.pem")
        return context

    def _answer_with_newest(self, link: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _own: ssl.SSLContext) -> None:
        link.context = self.newest


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_S)
        writer.write(_ANSWER)
        await writer.drain()
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
        pass  # the client wanted no more than the handshake, or said nothing that a web server understands
    finally:
        writer.close()


def reload(sites: list[Site], configuration: Path) -> str:
    """Load every pair anew, all or none; returns what the status file is to say."""
    broken = next(iter(configuration.iterdir()), None)
    if broken is not None:
        return f"failed {broken} is not understood: {broken.read_text().strip()[:200]}"
    try:
        contexts = [site.load() for site in sites]
    except OSError as error:
        return f"failed the pair cannot be loaded: {error}"
    for site, context in zip(sites, contexts, strict=True):
        site.newest = context
    return "ok"


def answer(sites: list[Site], configuration: Path, trigger: Path, status: Path) -> None:
    """Answer the trigger file, unless the status file answers that number already."""
    number = trigger.read_text().strip() if trigger.exists() else ""
    if not number or (status.exists() and status.read_text().startswith(number)):
        return
    fresh = status.with_suffix(".new")
    fresh.write_text(f"{number} {reload(sites, configuration)}\n")
    fresh.chmod(0o644)
    fresh.replace(status)


async def serve(sites: list[Site], configuration: Path, trigger: Path, status: Path) -> None:
    """Serve every site until the process is ended."""
    for site in sites:
        await asyncio.start_server(
            _greet, "127.0.0.1", site.port, ssl=site.listening, ssl_handshake_timeout=_HANDSHAKE_S
        )
    while True:
        answer(sites, configuration, trigger, status)
        await asyncio.sleep(_LOOK_EVERY_S)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("configuration", "trigger", "status"):
        parser.add_argument(name, type=Path)
    parser.add_argument("sites", nargs="+", metavar="PORT=FOLDER")
    asked = parser.parse_args()
    sites = [Site(int(port), Path(folder)) for port, _, folder in (site.partition("=") for site in asked.sites)]
    asyncio.run(serve(sites, asked.configuration, asked.trigger, asked.status))


if __name__ == "__main__":
    main()
