"""Import modules and print what their top level did to the outside: ``watch_imports.py FOLDER MODULE...``.

An act counts as ours when the innermost frame outside Python's own library is a file of FOLDER; importing itself,
which opens files too, does not count.
"""

from __future__ import annotations

import importlib
import sys
import sysconfig
import threading
from pathlib import Path
from types import FrameType

ACTS = (
    "open",
    "socket.",
    "subprocess.",
    "sqlite3.connect",
    "_thread.",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.system",
)
STDLIB = sysconfig.get_path("stdlib")
seen: list[str] = []


def doer(frame: FrameType | None) -> str:
    """Return the file whose code asked for the act; "" for the import system."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return ""
        if not name.startswith("<frozen") and ("site-packages" in name or not name.startswith(STDLIB)):
            return name
        frame = frame.f_back
    return ""


def note(folder: str, act: str, frame: FrameType | None) -> None:
    """Note an act where a file of the folder asked for it."""
    name = doer(frame)
    if name.startswith(folder) and ".venv" not in name:
        seen.append(f"{name.removeprefix(folder).lstrip('/')}: {act}")


def watch(folder: str) -> None:
    """Note every act of a file in a folder from now on."""

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event.startswith(ACTS) and event != "socket.__new__":
            note(folder, event, sys._getframe(1))

    def start(thread: threading.Thread) -> None:
        note(folder, "thread", sys._getframe(1))
        original(thread)

    original = threading.Thread.start
    threading.Thread.start = start  # type: ignore[method-assign,assignment] # threads raise no audit event
    sys.addaudithook(hook)


def main() -> int:
    """Import what the command line names."""
    folder = str(Path(sys.argv[1]).resolve())
    sys.path[:0] = [folder, f"{folder}/agent"]
    watch(folder)
    for module in sys.argv[2:]:
        importlib.import_module(module)
    print("\n".join(sorted(set(seen))), end="\n" if seen else "")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
