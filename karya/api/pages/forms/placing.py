"""Beside which field of the form an error belongs."""

from collections.abc import Iterable

from karya.api.pages.forms.fields import Values, fields
from karya.core.errors import FieldError

_REST = ("method", "url", "body")


def placed(errors: Iterable[FieldError], values: Values) -> dict[str, list[str]]:
    """The errors by the field of the form beside which each belongs; "" where there is none."""
    found: dict[str, list[str]] = {}
    for error in errors:
        field = _field_of(error.field, values["work"])
        inner = error.field.removeprefix(field).removeprefix(".") if field else error.field
        text = f"{inner}: {error.message}" if inner else error.message
        found.setdefault(field, []).append(text)
    return found


def _field_of(path: str, work: str) -> str:
    """The field of the form that an error with this path is shown at."""
    known = fields()
    if path == "action" or path.startswith("action."):
        shown = {"rest": {f"action.{name}" for name in _REST}, "steps": {"steps"}}.get(work, {"action"})
        return path if path in shown else {"rest": "action.more", "steps": "steps"}.get(work, "action")
    while path and path not in known:
        path = path.rpartition(".")[0]
    return path
