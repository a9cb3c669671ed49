"""Beside which field of the form an error belongs."""

import re
from collections.abc import Iterable

from karya.api.pages.forms.fields import places
from karya.api.pages.forms.kinds import AS_JSON
from karya.api.pages.forms.parts import MORE, Values
from karya.core.errors import FieldError

_NUMBERED = re.compile(r"(\d+)(?:\.(.*))?", re.DOTALL)


def placed(errors: Iterable[FieldError], values: Values) -> dict[str, list[str]]:
    """The errors by the field of the form beside which each belongs; "" where there is none."""
    known = places(values)
    found: dict[str, list[str]] = {}
    for error in errors:
        field, inner = _field_of(error.field, values, known)
        found.setdefault(field, []).append(f"{inner}: {error.message}" if inner else error.message)
    return found


def _field_of(path: str, values: Values, known: frozenset[str]) -> tuple[str, str]:
    """The field of the form that an error with this path is shown at, and where in it."""
    if values["view"] == "json":
        return ("json", path.removeprefix("json")) if path else ("", "")
    if values["work"] == "steps" and path == "action":
        return "steps", ""  # one of the two is required
    field = path
    while field and field not in known:
        field = field.rpartition(".")[0]
    inner = path.removeprefix(field).removeprefix(".")
    at = field.removesuffix(".type")
    more = f"{at}.{MORE}"
    if values.get(more) and (inner or values.get(f"{at}.type") == AS_JSON):
        return more, path.removeprefix(at).removeprefix(".")
    return field, _counted(inner, field in values)


def _counted(inner: str, in_text: bool) -> str:
    """Lists are counted from 1 by those who see them as lines."""
    found = _NUMBERED.fullmatch(inner)
    if not (found and in_text):
        return inner
    number = f"number {int(found[1]) + 1}"
    return f"{number}, {found[2]}" if found[2] else number
