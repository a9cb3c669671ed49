"""JSON that a user wrote into an action: bounded, and the same after it was stored and read again."""

import math
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator

MAX_BODY_BYTES = 1024 * 1024
MAX_BODY_DEPTH = 100  # parsers give up somewhere beyond it, pydantic's at 200


def bounded_body(body: Any) -> Any:
    """The body itself. Raises ValueError when it is no JSON, larger than 1 MiB or nested deeper than 100."""
    try:
        size = len(body.encode() if isinstance(body, str) else orjson.dumps(body))
    except (TypeError, UnicodeEncodeError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if size > MAX_BODY_BYTES:
        raise ValueError(f"{size:,} bytes; a body is at most {MAX_BODY_BYTES:,} bytes")
    if _depth(body) > MAX_BODY_DEPTH:
        raise ValueError(f"a body is nested at most {MAX_BODY_DEPTH} deep")
    return body


def _depth(value: Any) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON number")
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    return 0 if below is None else 1 + max(map(_depth, below), default=0)


JsonBody = Annotated[Any, AfterValidator(bounded_body)]
"""A text or any other JSON of at most 1 MiB; None is no body."""
