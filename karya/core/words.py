"""Numbers in sentences, and many in few words."""

from collections.abc import Iterable
from itertools import islice

MOST_NAMED = 10


def how_many(number: int, one: str, many: str = "") -> str:
    """1 job, 2 jobs, 10,000 jobs. `many` is what stands behind other numbers than 1, where that is not `one`
    with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def some(idents: Iterable[str]) -> list[str]:
    """The ids that a log line about many names: the first ten. How many there are is `count`, beside it."""
    return list(islice(idents, MOST_NAMED))
