"""Functions that are tasks, as a user's module has them."""

from collections.abc import Callable
from typing import Any

import karya


@karya.task(retries=2, timeout=30, tags=["reports"])
def report(day: str, currency: str = "EUR", *, karya_context: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, and which attempt made it."""
    return {"day": day, "currency": currency, "attempt": karya_context["attempt"]}


@karya.task
async def add(a: int, b: int = 1) -> int:
    """The sum."""
    return a + b


def plain(value: Any = None) -> Any:
    """A function that is no task."""
    return value


def shadowed() -> int:
    """The first of two."""
    return 1


first = shadowed


def shadowed() -> int:  # type: ignore[no-redef]
    """The second."""
    return 2


class Reports:
    """Has methods."""

    @staticmethod
    def static() -> int:
        """Can be found."""
        return 1

    def bound(self) -> int:
        """Cannot."""
        return 1


def nested() -> Callable[[], int]:
    """A function that nobody else can find."""

    def inner() -> int:
        return 1

    return inner
