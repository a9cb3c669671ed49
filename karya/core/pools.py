"""Pools: the workers that a job can ask for by name."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated

from karya.core.text import Shaped

PoolName = Annotated[
    str, Shaped(r"[a-z0-9][a-z0-9-]{0,31}", "a name is 1 to 32 small letters, digits and -, the first no -")
]
DEFAULT_POOL = "default"
"""The pool of jobs that ask for none, and of all hooks."""


def no_such_pool(name: str, pools: Collection[str]) -> str:
    """Why a job cannot have this pool, for the one who asked for it."""
    close = get_close_matches(name, pools, n=1)
    meant = f": did you mean {close[0]!r}?" if close else ""
    return f"there is no pool {name!r}{meant} (there are: {', '.join(pools)})"
