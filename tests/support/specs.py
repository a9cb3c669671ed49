"""The jobs that clients write, in short."""

from collections.abc import Mapping
from typing import Any

Spec = dict[str, Any]

SELDOM: Mapping[str, Any] = {"kind": "interval", "every": "PT1H"}
"""Nothing of it runs during a test, unless it is triggered."""
ONCE: Mapping[str, Any] = {"max_attempts": 1}
"""A retry policy that retries nothing."""


def post(url: str, **more: Any) -> Spec:
    """An action that posts to a target."""
    return {"type": "rest", "method": "POST", "url": url, **more}


def interval(every: str, **more: Any) -> Spec:
    """A schedule."""
    return {"kind": "interval", "every": every, **more}


def attempts(most: int, delay: str = "PT0.1S", **more: Any) -> Spec:
    """A retry policy with a constant wait."""
    return {"max_attempts": most, "backoff": "constant", "delay": delay, "jitter": 0, **more}


def step(name: str, action: Spec, *after: str, **more: Any) -> Spec:
    """A step behind others."""
    return {"name": name, "action": action, "after": list(after), **more}
