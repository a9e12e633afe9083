"""Impossible set-ups are refused with the sentence that mends them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.errors import InvalidInput
from infra.setting_types import Address
from infra.settings import Settings

PIN = "ab" * 32
DEVELOPMENT = {"SSLCLM_DATA_DIR": "/srv/sslclm", "SSLCLM_KEK_FILE": "/etc/sslclm/kek", "SSLCLM_DEVELOPMENT": "1"}


@pytest.fixture
def oidc_file(tmp_path):
    """Return a file with one provider, readable by its owner only."""
    provider = {
        "name": "corp",
        "issuer": "https://id.example",
        "client_id": "clm",
        "client_secret": "canary",
        "redirect_uri": "https://clm.example/auth/oidc/callback",
        "ca_file": "/etc/ssl/certs/ca-certificates.crt",
    }
    path = tmp_path / "oidc.json"
    path.write_text(json.dumps([provider]))
    path.chmod(0o600)
    return path


def production(oidc_file, **more):
    """Return an environment that works outside development."""
    base = {name: value for name, value in DEVELOPMENT.items() if name != "SSLCLM_DEVELOPMENT"}
    return {**base, "SSLCLM_OIDC_FILE": str(oidc_file), **more}


def test_defaults_listen_on_loopback():
    """A process that was told nothing can be reached from its own machine only."""
    settings = Settings.from_environment(DEVELOPMENT)

    assert {address.host for address in settings.listen_addresses().values()} == {"127.0.0.1"}
    assert [address.port for address in settings.listen_addresses().values()] == [8443, 8444, 8080, 8090]


def test_a_whole_production_set_up_is_read(oidc_file):
    """Every kind of setting arrives in its own type."""
    settings = Settings.from_environment(
        production(
            oidc_file,
            SSLCLM_PEOPLE_LISTEN="[::]:443",
            SSLCLM_LOAD_BALANCERS=f"10.0.0.0/29={PIN.upper()}, 10.1.0.5={PIN}",
            SSLCLM_RESERVED_NAMES="intranet, vpn",
            SSLCLM_LOG_LEVEL="warning",
        )
    )

    assert settings.people_listen == Address(host="::", port=443)
    assert [each.certificate_sha256 for each in settings.load_balancers] == [PIN, PIN]
    assert settings.load_balancers[0].is_peer("10.0.0.3", PIN)
    assert not settings.load_balancers[1].is_peer("10.0.0.3", PIN)
    assert settings.reserved_names == ("intranet", "vpn")
    assert settings.oidc[0].name == "corp"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SSLCLM_DATA_DIR", "", "SSLCLM_DATA_DIR: is missing"),
        ("SSLCLM_DATA_DIR", "data", "must be an absolute path"),
        ("SSLCLM_KEK_FILE", "/srv/sslclm/kek", "must not lie inside SSLCLM_DATA_DIR"),
        ("SSLCLM_KEK_FILE", "/etc/../srv/sslclm/sub/kek", "must not lie inside SSLCLM_DATA_DIR"),
        ("SSLCLM_PUBLIC_URL", "http://clm.example", "must be an https address"),
        ("SSLCLM_AGENT_URL", "https://user@clm.example", "neither user information"),
        ("SSLCLM_PUBLIC_URL", "https://clm.example/", "without a slash at its end"),
        ("SSLCLM_PKI_URL", "https://pki.example", "plain http base"),
        ("SSLCLM_PEOPLE_LISTEN", "0.0.0.0:8443", "set SSLCLM_PEOPLE_LISTEN to 127.0.0.1:8443"),
        ("SSLCLM_DEV_PROVIDER_LISTEN", "[::]:8090", "set SSLCLM_DEV_PROVIDER_LISTEN to 127.0.0.1:8090"),
        ("SSLCLM_PEOPLE_LISTEN", "8443", "write host:port"),
        ("SSLCLM_PEOPLE_LISTEN", "127.0.0.1:70000", "less than or equal to 65535"),
        ("SSLCLM_PKI_LISTEN", "127.0.0.1:8443", "are the same address"),
        ("SSLCLM_LOAD_BALANCERS", "10.0.0.1", "write address=SHA-256"),
        ("SSLCLM_LOAD_BALANCERS", f"balancer={PIN}", "does not appear to be"),
        ("SSLCLM_LOG_LEVEL", "loud", "SSLCLM_LOG_LEVEL"),
        ("SSLCLM_OIDC", "[]", "SSLCLM_OIDC is no setting"),
        ("SSLCLM_DEVELOPMENT", "", "nobody could sign in"),
    ],
)
def test_an_impossible_set_up_is_refused(name, value, says):
    """The message names the setting and the remedy."""
    with pytest.raises(InvalidInput) as refused:
        Settings.from_environment({**DEVELOPMENT, name: value})

    assert says in refused.value.message


def test_what_serves_nobody_needs_no_sign_in():
    """A back-up is possible without the identity provider; what is unsafe is refused all the same."""
    bare = {**DEVELOPMENT, "SSLCLM_DEVELOPMENT": ""}

    assert Settings.from_environment(bare, serving=False).oidc == ()
    with pytest.raises(InvalidInput, match="must not lie inside"):
        Settings.from_environment({**bare, "SSLCLM_KEK_FILE": "/srv/sslclm/kek"}, serving=False)


def test_a_misspelt_setting_is_no_silence():
    """A typing error would otherwise leave the default in force."""
    with pytest.raises(InvalidInput) as refused:
        Settings.from_environment({**DEVELOPMENT, "SSLCLM_PUBLC_URL": "https://clm.example"})

    assert refused.value.fix == "did you mean SSLCLM_PUBLIC_URL?"


def test_overrides_win_and_the_rest_of_the_environment_is_not_read():
    """Tests and the command line set single fields; foreign variables do not matter."""
    settings = Settings.from_environment(
        {**DEVELOPMENT, "HOME": "/x"}, {"people_listen": Address(host="127.0.0.1", port=0)}
    )

    assert settings.people_listen.port == 0


def test_settings_are_frozen():
    """Nobody changes a setting while the process runs."""
    settings = Settings.from_environment(DEVELOPMENT)

    with pytest.raises(ValidationError):
        settings.development = False  # the point of the test


def test_a_symlink_into_the_data_is_seen(tmp_path):
    """The key-encryption key must be elsewhere in truth, not in name."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    environ = {**DEVELOPMENT, "SSLCLM_DATA_DIR": f"{tmp_path}/data", "SSLCLM_KEK_FILE": f"{tmp_path}/link/kek"}

    with pytest.raises(InvalidInput, match="must not lie inside"):
        Settings.from_environment(environ)


def test_a_provider_file_that_others_can_read_is_refused(oidc_file):
    """It holds client secrets."""
    oidc_file.chmod(0o644)

    with pytest.raises(InvalidInput) as refused:
        Settings.from_environment(production(oidc_file))

    assert refused.value.fix == f"it holds client secrets: chmod 600 {oidc_file}"


@pytest.mark.parametrize(
    ("content", "says"),
    [("{", "not JSON"), ("[{}]", "0.issuer: is missing"), ('{"name": "corp"}', "valid array"), (None, "No such file")],
)
def test_a_provider_file_that_cannot_be_read_is_explained(content, says, tmp_path):
    """Bad JSON, missing members, another shape, no file."""
    path = Path(tmp_path / "providers.json")
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)

    with pytest.raises(InvalidInput) as refused:
        Settings.from_environment(production(path))

    assert says in refused.value.message


def test_a_development_provider_has_no_place_in_production(oidc_file):
    """The mark lifts https; it must not slip through."""
    providers = json.loads(oidc_file.read_text())
    providers[0]["development"] = True
    oidc_file.write_text(json.dumps(providers))

    with pytest.raises(InvalidInput, match="SSLCLM_DEVELOPMENT is not set"):
        Settings.from_environment(production(oidc_file))


def test_the_command_lines_variables_are_not_ours():
    """A client may be configured in the same environment; its variables are neither read nor refused."""
    assert Settings.from_environment({**DEVELOPMENT, "SSLCLM_CLI_SERVER": "https://clm.example"}).development


@pytest.mark.parametrize(
    ("database", "because"),
    [
        ("sqlite:///elsewhere", "data folder"),
        ("postgres://u:hunter2@h/clm", "mongodb://HOST"),
        ("mongodb://u:hunter2@h/clm", "replica set"),
    ],
)
def test_a_database_that_cannot_be_is_refused(database, because):
    """The sentence names the setting, and never the password."""
    with pytest.raises(InvalidInput) as refused:
        Settings.from_environment({**DEVELOPMENT, "SSLCLM_DATABASE": database})

    assert because in refused.value.message
    assert "hunter2" not in refused.value.message


def test_the_database_is_one_setting(tmp_path):
    """SQLite in the data folder is the default; a password may stand in a file of its own."""
    secret = tmp_path / "password"
    secret.write_text("pa%ss\n")
    secret.chmod(0o600)
    url = "mongodb://clm@127.0.0.1:27017/sslclm?replicaSet=rs0"
    files = Settings.from_environment(
        {**DEVELOPMENT, "SSLCLM_DATABASE": url, "SSLCLM_DATABASE_PASSWORD_FILE": str(secret)}
    ).files()

    assert Settings.from_environment(DEVELOPMENT).files().database is None
    assert (
        Settings.from_environment({**DEVELOPMENT, "SSLCLM_DATABASE": "sqlite:///srv/sslclm"}).files().database is None
    )
    assert str(files.database) == "mongodb://127.0.0.1:27017/sslclm"
    assert files.database.password.reveal() == b"pa%ss"
