"""Actions whose templates are filled in: a placeholder gives a value of any type, a field may want a text."""

import json
from typing import Any

from pydantic import ValidationError

from karya.core.fields import place


def with_texts(error: ValidationError, written: Any) -> Any:
    """The JSON tree `written`, which is changed, with JSON as a text wherever the model wanted a text and
    something else stood; raises `error` again when that is not what was wrong.

    A client cannot write such a thing, since jobs are checked when they are submitted: only a text that was
    one placeholder and nothing else can have become a number or an object.
    """
    wrong = [found["loc"] for found in error.errors(include_url=False) if found["type"] == "string_type"]
    if not sum([_made_text(written, loc) for loc in wrong]):
        raise error
    return written


def _made_text(written: Any, loc: tuple[int | str, ...]) -> bool:
    *way, last = place(loc, written)
    try:
        for part in way:
            written = written[part]
        written[last] = json.dumps(written[last], ensure_ascii=False, separators=(",", ":"))
    except (LookupError, TypeError):  # the model had made another tree of it before it looked
        return False
    return True
