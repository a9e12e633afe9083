"""Hands uploads to a process of their own, and believes nothing but its one answer."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Sequence
from typing import Any

from commands.ports.importing import Contents, FoundCertificate, NotTaken, Upload
from commands.ports.keystore import Secret
from domain.errors import InvalidInput, Unavailable

WALL_SECONDS = 30.0
_WORKER = (sys.executable, "-I", "-m", "infra.importing.worker")


class IsolatedReader:
    """Reads one upload at a time in a process that is ended when it takes too long.

    The process has no environment, no arguments that tell anything, and gets files and passwords by a pipe.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Semaphore(1)

    async def read(self, uploads: Sequence[Upload], passwords: Sequence[Secret]) -> Contents:
        """Read files; see :class:`commands.ports.importing.Reader`."""
        asked = {
            "files": [{"name": one.name, "content": base64.b64encode(one.content).decode()} for one in uploads],
            "passwords": [one.reveal().decode() for one in passwords],
        }
        async with self._one_at_a_time:
            answer = await _ask(json.dumps(asked).encode())
        refused = answer.get("refused")
        if refused is not None:
            raise InvalidInput(refused["message"], rule=refused["rule"], fix=refused["fix"])
        return Contents(tuple(map(_found, answer["found"])), tuple(NotTaken(**one) for one in answer["left"]))


async def _ask(question: bytes) -> dict[str, Any]:
    pipe = asyncio.subprocess.PIPE
    nowhere = asyncio.subprocess.DEVNULL  # a message of the parser may quote what it read
    try:
        worker = await asyncio.create_subprocess_exec(*_WORKER, stdin=pipe, stdout=pipe, stderr=nowhere, env={})
    except OSError as error:
        raise Unavailable("files cannot be read now", rule="import-reader", fix="try again later") from error
    try:
        told, _ = await asyncio.wait_for(worker.communicate(question), WALL_SECONDS)
    except TimeoutError:
        raise _too_costly() from None
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    if worker.returncode == 1:  # an exception that nobody thought of, in the process that may have them
        fix = "export them anew with a maintained tool, or import them one by one"
        raise InvalidInput("these files cannot be read", rule="import-syntax", fix=fix)
    if worker.returncode != 0:
        raise _too_costly()
    answer: dict[str, Any] = json.loads(told)
    return answer


def _too_costly() -> InvalidInput:
    return InvalidInput(
        "reading these files takes too much time or memory",
        rule="import-too-costly",
        fix="export them anew with the usual number of rounds, and import fewer at once",
    )


def _found(told: dict[str, Any]) -> FoundCertificate:
    key = told["key"]
    return FoundCertificate(
        files=tuple(told["files"]),
        leaf=base64.b64decode(told["leaf"]),
        chain=tuple(map(base64.b64decode, told["chain"])),
        key=Secret(base64.b64decode(key)) if key is not None else None,
    )
