"""The ``sslclm-verify`` command: exit codes and words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from scripts.verify import main
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, exported, now

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "vectors" / "ledger" / "tiny.jsonl"


def test_what_holds_exits_with_0_and_says_what_was_not_checked(capsys):
    """A whole export exits with 0, tells head and root, and that signatures were not checked."""
    code = main([str(GOLDEN)])
    out = capsys.readouterr().out

    assert code == 0
    assert "HOLDS" in out
    assert "aa06bda74e91a6e767d55f4a464ab7fb557e377d4275839e80246b3c2faeb36d" in out
    assert "signatures were not checked" in out


def test_json_says_the_same(capsys):
    """With --json the verdict is one JSON object."""
    code = main([str(GOLDEN), "--json"])
    verdict = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (verdict["holds"], verdict["entries"], verdict["events"]) == (True, 3, 5)
    assert verdict["finding"] is None


def test_tampering_exits_with_1_and_names_position_and_check(tmp_path, capsys):
    """A changed state is named with its position."""
    file = tmp_path / "export.jsonl"
    lines = GOLDEN.read_bytes().splitlines(keepends=True)
    file.write_bytes(
        b"".join(lines).replace(b'"recorded_at_us":1790000000500001', b'"recorded_at_us":1790000000500002')
    )
    code = main([str(file)])

    assert code == 1
    assert "TAMPERED   at position 2: entry-hash" in capsys.readouterr().out


def test_a_cut_file_exits_with_1(tmp_path, capsys):
    """A file without its last line is reported as cut off, in JSON too."""
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(GOLDEN.read_bytes().splitlines(keepends=True)[:-1]))
    code = main([str(file), "--json"])

    assert code == 1
    assert json.loads(capsys.readouterr().out)["finding"]["check"] == "cut-off"


@pytest.mark.parametrize("missing", ["no-such-file", ".", "a\0b"])
def test_an_unreadable_file_exits_with_2(missing, capsys):
    """What cannot be opened cannot be checked."""
    code = main([missing])

    assert code == 2
    assert "cannot be checked" in capsys.readouterr().err


@pytest.mark.parametrize(
    "asked", [["--key", "k"], ["--checkpoint", "c"], ["--witness-key", "w", "--quorum", "1"], ["--quorum", "0"]]
)
def test_signatures_that_are_asked_for_are_not_pretended(asked, capsys):
    """Asking for what is not built answers that it cannot be checked, never that it holds."""
    code = main([str(GOLDEN), *asked, "--json"])

    assert code == 2
    assert json.loads(capsys.readouterr().out)["holds"] is None


def test_an_export_that_starts_later_says_what_it_takes_as_given(tmp_path, capsys):
    """A part of a ledger verifies, names its start as taken as given, and has the whole ledger's tree root."""
    with SqliteLedger(tmp_path / "ledger.db", clock=now) as ledger:
        ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        for version in range(1, 12):
            ledger.append_blocking(draft("a", version))
        whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
        whole.write_bytes(exported(ledger))
        part.write_bytes(exported(ledger, first=8))
    codes = [main([str(file), "--json"]) for file in (whole, part)]
    first, second = capsys.readouterr().out.split("\n}\n")[:2]
    verdicts = json.loads(first + "}"), json.loads(second + "}")

    assert codes == [0, 0]
    assert "taken as given" in verdicts[1]["notes"][0]
    assert verdicts[0]["tree_root"] == verdicts[1]["tree_root"]


def test_it_runs_alone():
    """The command imports nothing of ours but the proof module, opens no socket, and reads a pipe."""
    code = (
        "import socket, sys\n"
        "socket.socket = None\n"
        "from scripts.verify import main\n"
        "code = main(sys.argv[1:])\n"
        "ours = {'domain', 'commands', 'projections', 'api', 'infra', 'pydantic', 'eventsourcing'}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ours), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "/dev/stdin"]
    clean = {"PATH": os.environ["PATH"]}
    run = subprocess.run(
        command, cwd=ROOT, input=GOLDEN.read_bytes(), capture_output=True, timeout=60, env=clean, check=False
    )
    proof = {"hashing", "tree", "rules", "verdict", "verify", "lines", "export"}

    assert run.returncode == 0
    assert run.stderr.decode().strip() == str(
        sorted(["infra", "infra.ledger", "infra.ledger.proof", *(f"infra.ledger.proof.{name}" for name in proof)])
    )


def test_a_reader_that_hangs_up_leaves_no_trace():
    """When the reader of the output has gone, there is no traceback."""
    run = subprocess.Popen(
        [sys.executable, "-m", "scripts.verify", str(GOLDEN)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    run.stdout.close()
    error = run.stderr.read()
    run.stderr.close()

    assert run.wait(60) == 0
    assert error == b""
