"""An agent whose own certificate ended while its host was away: it says so, and enrols anew in place."""

from __future__ import annotations

import pytest
from cryptography import x509

from sslclm_agent.cli import main
from sslclm_agent.errors import UnreachableError
from tests.support.pki import make_expired_leaf


def test_the_way_back_stands_in_the_error_and_works(lab, backend, tmp_path, capsys):
    """Over real TLS: the backend ends the handshake unexplained, the agent explains it; enrol --replace mends it."""
    store = lab.settings.state_dir / "identity.pem"
    ended = make_expired_leaf(backend.agent_ca, "agent", client=True)
    store.write_bytes(ended.key_pem + ended.pem)
    with pytest.raises(UnreachableError) as refused:
        lab.once()
    assert "own certificate expired" in refused.value.sentence
    assert "sslclm-agent enrol --replace" in refused.value.fix
    assert "sslclm hosts token HOST" in refused.value.fix

    token = tmp_path / "token"
    token.write_text(backend.token())
    assert main(["--config", str(lab.config), "enrol", "--token-file", str(token)]) != 0
    assert "--replace" in capsys.readouterr().err
    assert main(["--config", str(lab.config), "enrol", "--token-file", str(token), "--replace"]) == 0
    assert (
        x509.load_pem_x509_certificate(store.read_bytes()).not_valid_after_utc > ended.certificate.not_valid_after_utc
    )
    assert lab.once() is None
