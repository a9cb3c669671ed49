"""How large a job may be."""

from collections.abc import Sequence

from karya.core.errors import InvalidInput
from karya.core.hook import Hook
from karya.core.steps import Step

MAX_ACTION_BYTES = 8 * 1024 * 1024
"""Of the actions of a job and its hooks together: MongoDB documents end at 16 MiB."""
MAX_STORED_BYTES = 12 * 1024 * 1024
"""Of the same as they are stored, which is JSON within JSON: its quotes and backslashes count twice."""
_SURELY_STORED_BYTES = MAX_STORED_BYTES // 3
"""Actions up to this size fit in any case: they at most double, and names need little beside them."""
_WAY_OUT = "store large things elsewhere and pass where they are"


def check_sizes(fields: Sequence[str], parts: Sequence[Step | Hook]) -> None:
    """Raises InvalidInput, at the field of the largest of these steps and hooks, when together they are too
    large to store."""
    sizes = [len(part.action.encode()) for part in parts]
    whole = sum(sizes)
    if whole > MAX_ACTION_BYTES:
        limit = f"the actions of a job and its hooks are at most {MAX_ACTION_BYTES:,} bytes together"
        raise _too_large(fields, sizes, limit)
    if whole > _SURELY_STORED_BYTES:
        stored = [len(part.model_dump_json().encode()) for part in parts]
        if sum(stored) > MAX_STORED_BYTES:
            limit = f"with each quote and backslash escaped, as they are stored, at most {MAX_STORED_BYTES:,}"
            raise _too_large(fields, stored, limit)


def _too_large(fields: Sequence[str], sizes: Sequence[int], limit: str) -> InvalidInput:
    largest, field = max(zip(sizes, fields, strict=True))
    return InvalidInput.at(field, f"{largest:,} bytes of {sum(sizes):,}; {limit}: {_WAY_OUT}")
