"""An action, a step or a hook in a form: its texts, each by its place in the job (`steps.0.action.url`)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from karya.api.pages.forms import texts
from karya.api.pages.forms.controls import Control
from karya.api.pages.forms.kinds import AS_JSON, Kinds
from karya.core.errors import FieldError

Values = dict[str, str]
"""The text in each field."""

MORE = "_more"
"""What of a part has no control, as JSON."""

LISTS = ("steps", "hooks")
_PART = re.compile(r"(steps|hooks)\.(\d{1,3})\.(.+)", re.DOTALL)


def own_controls(name: str, kinds: Kinds) -> tuple[Control, ...]:
    """Those of the parts in a list, besides their actions."""
    return kinds.step if name == "steps" else kinds.hook


def numbers(values: Iterable[str], name: str) -> list[int]:
    """Which parts of a list there are."""
    return sorted({int(found[2]) for one in values if (found := _PART.fullmatch(one)) and found[1] == name})


def blank_action(at: str, action_type: str, kinds: Kinds) -> Values:
    """An action of this type of which nothing is written."""
    return {f"{at}.type": action_type, **_blank(at, kinds.controls(action_type))}


def blank_part(at: str, kinds: Kinds, action_type: str | None = None) -> Values:
    """A step or a hook (`steps.0`) of which nothing is written."""
    own = own_controls(at.partition(".")[0], kinds)
    return {
        **_blank(at, own),
        **blank_action(f"{at}.action", kinds.first if action_type is None else action_type, kinds),
    }


def action_values(at: str, action: Mapping[str, Any], kinds: Kinds) -> Values:
    """The texts of an action in its wire form; what of it no control can show is JSON."""
    action_type = action.get("type")
    if not isinstance(action_type, str) or action_type not in kinds.actions:
        return {f"{at}.type": AS_JSON, f"{at}.{MORE}": texts.pretty(action)}
    rest = {name: value for name, value in action.items() if name != "type"}
    return {f"{at}.type": action_type, **_filled(at, kinds.controls(action_type), rest)}


def part_values(at: str, part: Mapping[str, Any], kinds: Kinds) -> Values:
    """The same for a step or a hook."""
    own = own_controls(at.partition(".")[0], kinds)
    rest = {name: value for name, value in part.items() if name != "action"}
    return {**_filled(at, own, rest), **action_values(f"{at}.action", part["action"], kinds)}


def written_action(at: str, values: Values, kinds: Kinds, errors: list[FieldError]) -> dict[str, Any]:
    """The action in its wire form. What cannot be read at all is added to the errors."""
    action_type = values[f"{at}.type"]
    first = {} if action_type == AS_JSON else {"type": action_type}
    return _written(at, kinds.controls(action_type), values, errors, first)


def written_part(at: str, values: Values, kinds: Kinds, errors: list[FieldError]) -> dict[str, Any]:
    """The same for a step or a hook."""
    own = _written(at, own_controls(at.partition(".")[0], kinds), values, errors, {})
    return {**own, "action": written_action(f"{at}.action", values, kinds, errors)}


def renumbered(values: Values, name: str, kept: Sequence[int]) -> Values:
    """The values with these parts of a list alone, counted from 0."""
    places = {number: place for place, number in enumerate(kept)}
    moved: Values = {}
    for key, text in values.items():
        found = _PART.fullmatch(key)
        if not found or found[1] != name:
            moved[key] = text
        elif int(found[2]) in places:
            moved[f"{name}.{places[int(found[2])]}.{found[3]}"] = text
    return moved


def _blank(at: str, controls: Iterable[Control]) -> Values:
    return {**{f"{at}.{one.name}": one.blank for one in controls}, f"{at}.{MORE}": ""}


def _filled(at: str, controls: Sequence[Control], given: Mapping[str, Any]) -> Values:
    found, more = _blank(at, controls), {}
    for name, value in given.items():
        shown = _kept(name, value, controls)
        if shown is None:
            more[name] = value
        else:
            found |= {f"{at}.{path}": text for path, text in shown.items()}
    return {**found, f"{at}.{MORE}": texts.pretty(more) if more else ""}


def _kept(path: str, value: Any, controls: Sequence[Control]) -> Values | None:
    """The texts for a value; None when not all of it can be read from texts again."""
    own = next((one for one in controls if one.name == path), None)
    if own is not None:
        text = own.kept(value)
        return None if text is None else {path: text}
    if not isinstance(value, Mapping):
        return None
    found: Values = {}
    for name, below in value.items():
        shown = _kept(f"{path}.{name}", below, controls)
        if shown is None:
            return None
        found |= shown
    return found if any(found.values()) else None  # which would say that there is no such object


def _written(
    at: str, controls: Iterable[Control], values: Values, errors: list[FieldError], wire: dict[str, Any]
) -> dict[str, Any]:
    for control in controls:
        name = f"{at}.{control.name}"
        if not values[name]:
            continue
        try:
            _put(wire, control.name.split("."), control.read(values[name]))
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    more = _more(f"{at}.{MORE}", values, errors)
    if twice := sorted(more.keys() & wire.keys()):
        errors.append(FieldError(f"{at}.{MORE}", f"{', '.join(twice)}: stands in a field of its own, too"))
    return {**wire, **more}


def _more(name: str, values: Values, errors: list[FieldError]) -> dict[str, Any]:
    if not values.get(name):
        return {}
    try:
        more = texts.parsed(values[name])
        if isinstance(more, dict):
            return more
        raise ValueError('must be a JSON object, such as {"name": "value"}')
    except ValueError as error:
        errors.append(FieldError(name, str(error)))
        return {}


def _put(wire: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        wire = wire.setdefault(name, {})
    wire[path[-1]] = value
