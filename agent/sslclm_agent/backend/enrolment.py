from __future__ import annotations

import platform
from typing import Any

from cryptography import x509

from sslclm_agent import VERSION
from sslclm_agent.backend.bootstrap import fetch_root, read_token
from sslclm_agent.backend.channel import Channel, split_origin, verifying_context
from sslclm_agent.config.settings import Settings
from sslclm_agent.errors import ConfigError, TaskError, UnreachableError
from sslclm_agent.state.files import private_directory, write_private
from sslclm_agent.state.identity import Identity, IdentityStore, moment
from sslclm_agent.state.keys import generate, signing_request, to_pem
from sslclm_agent.strictjson import Members


def enrol(settings: Settings, token_text: str, *, replace: bool = False) -> Identity:
    """Turn a bootstrap token into an identity: pin the root, send a CSR, keep what comes back.

    Raises ``ConfigError`` when already enrolled (unless ``replace``) and what the channel raises. If the answer is
    lost the token is used up: ask for a new one.
    """
    state_dir = private_directory(settings.state_dir)
    store = IdentityStore(state_dir)
    if store.pem_path.exists() and not replace:
        raise ConfigError("this agent is enrolled already", fix="sslclm-agent enrol --replace --token-file -")
    token = read_token(token_text)
    root = fetch_root(token)
    key = generate("EC-P256")
    request = {"token": token.text, "csr": signing_request(key), "agent_version": VERSION, "platform": describe()}
    answer = Channel(token.url, verifying_context(root)).call("POST", "/agent/v1/enrol", request).json()
    identity, chain, server_ca = _read(answer)
    write_private(settings.pin_file, server_ca.encode())
    store.save(identity, to_pem(key), chain)
    return identity


def describe() -> str:
    """Say what the agent runs on: system, machine, Python; at most 128 characters."""
    text = f"{platform.system()} {platform.release()} {platform.machine()}; Python {platform.python_version()}"
    return text[:128]


def _read(answer: dict[str, Any]) -> tuple[Identity, list[str], str]:
    try:
        members = Members(answer, "enrolment")
        chain, server_ca = read_chain(members), members.text("server_ca", limit=65_536)
        identity = Identity(
            host_id=members.text("host_id", "[A-Za-z0-9-]{1,80}"),
            agent_url=members.text("agent_url"),
            task_keys=tuple(_task_key(each) for each in members.items("task_keys", 8)),
            renew_after=members.text("renew_after"),
        )
        split_origin(identity.agent_url)
        x509.load_pem_x509_certificate(server_ca.encode())
        moment(identity.renew_after)
    except (TaskError, ValueError) as error:
        raise UnreachableError(f"the enrolment's answer cannot be used: {error}") from error
    return identity, chain, server_ca


def read_chain(members: Members) -> list[str]:
    """Take ``certificate_chain``: PEM texts, leaf first, each one well-formed certificate."""
    chain = members.texts("certificate_chain", 5, 65_536)
    certificates = [x509.load_pem_x509_certificate(each.encode()) for each in chain]
    if not certificates:
        raise TaskError("the certificate chain is empty")
    return [each.strip() + "\n" for each in chain]


def _task_key(value: Any) -> dict[str, str]:
    members = Members(value, "task key")
    return {
        "kty": members.text("kty", "OKP"),
        "crv": members.text("crv", "Ed25519"),
        "x": members.text("x", "[A-Za-z0-9_-]{43}"),
        "kid": members.text("kid", "[A-Za-z0-9._:-]{1,128}"),
    }
