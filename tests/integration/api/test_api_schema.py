"""Generated calls from the OpenAPI document: whatever fits it, or nearly, never makes the server fail."""

from __future__ import annotations

import itertools

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode

_KEYS = itertools.count()
_FEW = hypothesis.settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def operations(lab):
    """Return the operations that the interface's own document describes."""
    document = schemathesis.openapi.from_asgi("/api/openapi.json", lab.app)
    return [found.ok() for found in document.include(path_regex="^/(api|agent)/").get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_generated_call_is_a_server_error(lab, mode):
    """Calls by an administrator that fit the document, and calls that do not: every answer is below 500."""
    token, called = lab.token("adam"), 0

    for operation in operations(lab):

        @_FEW
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def check(case):
            nonlocal called
            called += 1
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"generated-{next(_KEYS)}"}
            case.headers.pop("Min-Ledger-Position", None)  # most are far ahead: each would be waited for
            case.validate_response(case.call(headers=headers), checks=[not_a_server_error])

        check()

    assert called > 100
