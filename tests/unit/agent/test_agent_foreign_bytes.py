"""Any bytes at all: the agent's parsers answer with their own errors and nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sslclm_agent.backend.bootstrap import pinned_root, read_token
from sslclm_agent.config.properties import parse
from sslclm_agent.errors import AgentError, ConfigError, RefusedByBackendError, SignatureError, TaskError
from sslclm_agent.strictjson import loads
from sslclm_agent.tasks.parameters import Install, MakeKey
from sslclm_agent.tasks.signature import verify

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
)
MEMBERS = ("order_id", "generation", "key_algorithm", "dns_names", "ip_addresses", "common_name", "chain", "target")


@given(st.text(max_size=200) | st.builds(".".join, st.lists(st.text("AQgw-_=", max_size=8), min_size=3, max_size=3)))
def test_any_text_as_a_task_is_a_bad_signature(text):
    """No text is a task unless it is signed."""
    try:
        verify(text, "t", "h", [], datetime.now(UTC))
    except SignatureError:
        return
    raise AssertionError


@given(JSON | st.fixed_dictionaries(dict.fromkeys(MEMBERS, JSON)))
def test_any_json_as_parameters_is_refused(value):
    """Odd parameters are a refused task, never a crash."""
    for kind in (MakeKey, Install):
        with suppress(TaskError):
            kind.read(value)


@given(st.text(max_size=200), st.binary(max_size=200))
def test_any_text_as_token_root_properties_or_json(text, data):
    """Each reader has its own error."""
    with suppress(ConfigError):
        read_token("sslclm-bt1." + text)
    with suppress(RefusedByBackendError):
        pinned_root(b"-----BEGIN CERTIFICATE-----" + data + b"-----END CERTIFICATE-----", "00")
    with suppress(ConfigError):
        parse(text)
    with suppress(AgentError):
        loads(data)
