"""Names of the backend itself, however the operator spelled them."""

from __future__ import annotations

from api.main import reserved_names
from infra.settings import Settings


def test_reserved_names_are_compared_as_orders_spell_theirs(tmp_path):
    """Upper case, a final dot or a long IPv6 address in a setting does not set a name free."""
    environment = {
        "SSLCLM_DATA_DIR": str(tmp_path / "data"),
        "SSLCLM_KEK_FILE": str(tmp_path / "kek"),
        "SSLCLM_DEVELOPMENT": "1",
        "SSLCLM_PUBLIC_URL": "https://[0:0:0:0:0:0:0:1]:8443",
        "SSLCLM_RESERVED_NAMES": "VPN.Corp.Test, intranet.corp.test.",
    }

    names = reserved_names(Settings.from_environment(environment))

    assert {"vpn.corp.test", "intranet.corp.test", "::1", "localhost"} <= names
