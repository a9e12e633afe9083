"""The answers an agent reports, in the words of the task protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sslclm_agent.deploy.probe import Evidence
from sslclm_agent.state.outbox import Result

DETAIL = 1000
"""The longest explanation that the backend takes, in characters."""


def served(evidence: Iterable[Evidence], previous: str | None) -> Result:
    """Report that the certificate is proven to be served; ``previous`` is the fingerprint of the one before."""
    return {"outcome": "served", "evidence": [asdict(each) for each in evidence], "previous": previous}


def removed(evidence: Iterable[Evidence], note: str = "") -> Result:
    """Report that the certificate is proven to be served no more; ``evidence`` is what answers there instead."""
    return {"outcome": "removed", "evidence": [asdict(each) for each in evidence], "detail": note[:DETAIL]}


def failed(stage: str, detail: str, *, rolled_back: bool = False, evidence: Iterable[Evidence] = ()) -> Result:
    """Report that the task failed at ``stage``; ``evidence`` is what is served now."""
    seen = [asdict(each) for each in evidence]
    return {
        "outcome": "failed",
        "stage": stage,
        "detail": detail[:DETAIL],
        "rolled_back": rolled_back,
        "served_now": seen[0]["sha256"] if seen else None,
        "evidence": seen,
    }
