"""Failures that never tell a secret, whatever the other side quotes in its answer."""

from dataclasses import replace

from pydantic import SecretStr

from karya.core.outcome import Failure

SHORTEST_SECRET = 4
"""Shorter ones hide nothing, and would tear holes into every text."""


def redacted(failure: Failure, *secrets: SecretStr | None) -> Failure:
    """The failure with these secrets struck out of its text."""
    error = failure.error
    for secret in secrets:
        plain = secret.get_secret_value() if secret else ""
        if len(plain) >= SHORTEST_SECRET:
            error = error.replace(plain, "…")
    return replace(failure, error=error)
