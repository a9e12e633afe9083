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


def test_the_lean_route_is_first_and_described(lab):
    """The hot path is matched before everything else, and the document says of it what it says of the others."""
    document = lab.app.openapi()
    described = document["paths"]["/api/v1/orders"]

    assert ("/api/v1/orders", {"POST"}) == (lab.app.routes[0].path, lab.app.routes[0].methods)
    assert {"get", "post"} == set(described)
    assert {"201", "202", "400", "401", "403", "409", "413", "415", "422", "503"} <= set(described["post"]["responses"])
    assert "RequestCertificate" in str(described["post"]["requestBody"])
    assert {"OrderAnswer", "RequestCertificate"} <= set(document["components"]["schemas"])


async def test_other_methods_find_their_route(anna):
    """The lean route takes its own method only."""
    assert 200 == (await anna.get("/api/v1/orders")).status_code
    assert 405 == (await anna.request("PUT", "/api/v1/orders")).status_code
