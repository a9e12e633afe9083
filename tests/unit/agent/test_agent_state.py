"""What the agent keeps on disk."""

from __future__ import annotations

import stat

import pytest
from cryptography import x509

from sslclm_agent.errors import ConfigError, LockedError, TaskError
from sslclm_agent.state.files import private_directory, write_private
from sslclm_agent.state.keys import ALGORITHMS, KeyFolder, algorithm_of, generate, signing_request
from sslclm_agent.state.lock import only_one
from sslclm_agent.state.outbox import Outbox
from sslclm_agent.state.safe_mode import SafeMode


@pytest.fixture
def state(tmp_path):
    return private_directory(tmp_path / "state")


def test_files_are_private_and_replaced_whole(state):
    """0600 from the first byte on, and no temporary file is left."""
    write_private(state / "x", b"1")
    write_private(state / "x", b"2")

    assert (state / "x").read_bytes() == b"2"
    assert stat.S_IMODE((state / "x").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["x"]


def test_a_state_directory_that_others_may_enter_is_refused(state):
    """Keys lie in it."""
    state.chmod(0o750)
    with pytest.raises(ConfigError, match="alone") as caught:
        private_directory(state)

    assert "chmod 0700" in caught.value.fix


def test_only_one_agent_works(state):
    """The second one is refused as long as the first one works, and no longer."""
    with only_one(state), pytest.raises(LockedError), only_one(state):
        pass
    with only_one(state):
        pass


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name not in {"RSA-3072", "RSA-4096"}])
def test_a_key_is_made_once(state, algorithm):
    """The same order and generation give the same key, another algorithm for it is refused."""
    keys = KeyFolder(state)
    first, again = keys.make("order-1", 1, algorithm), keys.make("order-1", 1, algorithm)

    assert algorithm_of(first) == algorithm
    assert first.public_key() == again.public_key()
    assert keys.pem("order-1", 2) is None
    with pytest.raises(TaskError, match="already has a key"):
        keys.make("order-1", 1, "RSA-4096")


def test_a_signing_request_names_everything():
    """Subject and SAN are what was asked for; SAN is critical only where the subject is empty."""
    key = generate("Ed25519")
    full = x509.load_pem_x509_csr(signing_request(key, "a.example", ("a.example",), ("::1",)).encode())
    bare = x509.load_pem_x509_csr(signing_request(key, None, ("a.example",)).encode())

    assert full.subject.rfc4514_string() == "CN=a.example"
    assert full.is_signature_valid
    san = full.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(name.value) for name in san.value] == ["a.example", "::1"]
    assert not san.critical
    assert bare.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_a_result_is_kept_until_acknowledged(state):
    """Waiting until the backend has it, remembered after, offered again when the task comes again."""
    Outbox(state).put("task-1", {"outcome": "done"})

    assert Outbox(state).waiting() == [("task-1", {"outcome": "done"})]
    Outbox(state).acknowledged("task-1")
    assert Outbox(state).waiting() == []
    assert Outbox(state).knows("task-1")
    assert Outbox(state).waiting() == [("task-1", {"outcome": "done"})]
    Outbox(state).rejected("task-1")
    assert Outbox(state).knows("task-1")
    assert Outbox(state).waiting() == []
    assert not Outbox(state).knows("task-2")


def test_safe_mode_counts_in_a_row(state):
    """A success in between begins the count anew; five failures in a row turn it on, over restarts."""
    for _ in range(4):
        SafeMode(state).failed("x")
    SafeMode(state).succeeded()
    for _ in range(4):
        SafeMode(state).failed("x")

    assert SafeMode(state).reason is None
    SafeMode(state).failed("the last")
    assert "the last" in (SafeMode(state).reason or "")
    SafeMode(state).leave()
    assert SafeMode(state).reason is None
