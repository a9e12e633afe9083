"""What a target may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.hosts.targets import TargetSpec

GOOD = {
    "directory": "/etc/ssl/clm/www",
    "endpoints": [{"address": "127.0.0.1", "port": 443, "server_name": "www.shop.test"}],
}


def test_a_plain_target_is_taken():
    """One directory and one endpoint are enough; the key's mode lets the group read it and nobody else."""
    assert TargetSpec.model_validate(GOOD).mode == "0640"


@pytest.mark.parametrize(
    "changes",
    [
        {"directory": "/"},
        {"directory": "etc/ssl"},
        {"directory": "/etc/../root"},
        {"directory": "/etc/./ssl"},
        {"directory": "/etc//ssl"},
        {"directory": "/etc/ssl/"},
        {"directory": "/etc/s sl"},
        {"directory": "/etc/ssl\n"},
        {"mode": "0644"},
        {"mode": "0777"},
        {"mode": "4640"},
        {"endpoints": []},
        {"owner": "root;id"},
        {"reloader": "nginx; rm"},
        {"command": "systemctl reload nginx"},
    ],
)
def test_odd_targets_are_refused(changes):
    """Paths with more than one spelling, keys that others may read, and targets that nothing could prove."""
    with pytest.raises(ValidationError):
        TargetSpec.model_validate({**GOOD, **changes})
