"""Creating the file of a database without ever opening one that is in use."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp


def create_once(path: Path) -> None:
    """Create an empty file that only its owner may read, unless there is one already.

    An existing database is never opened here: closing any descriptor of a file drops all locks that the process holds
    on it, SQLite's included, and another process may then believe that it is alone.
    """
    if path.exists():
        return
    descriptor, fresh = mkstemp(dir=path.parent)
    os.close(descriptor)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        Path(fresh).unlink()
