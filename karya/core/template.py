"""Templates: `{{ steps.extract.result.id }}` in a text of an action takes what the path leads to.

A path is looked up and nothing is ever executed. A text that is one placeholder and nothing else
takes the value with its JSON type. Inside a longer text a text goes in as it is and every other value
as compact JSON. `{{ "…" }}` is the quoted text itself, so `{{ "{{" }}` gives the two braces.

All happens on the parsed action, on its values and never on its keys: what is filled in stays at its
own place, and is not looked at for templates again.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from karya.core.action import ActionText

STEPS, EVENT = "steps", "event"
ROOTS = (STEPS, EVENT)
STEP_FIELDS = ("result", "status", "error")
MAX_RENDERED_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 128  # more than a body has (100), less than parsers bear (200)
MAX_PLACEHOLDER = 1000  # characters
_MOST_NAMES = 10
_RETURN_LESS = "return less, or where to find it"
_WAY_OUT = 'write {{ steps.NAME.result.KEY }} or {{ event.KEY }}, and {{ "{{" }} for the braces themselves'

Path = tuple[str, ...]
"""Where a placeholder leads: ("steps", "extract", "result", "items", "0")."""

_OPENING = "{{"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PLACEHOLDER = re.compile(
    rf"\{{\{{\s*(?:({_QUOTED})|([A-Za-z]+(?:\.[A-Za-z0-9_-]+|\[{_QUOTED}\])*))\s*\}}\}}", re.DOTALL
)
_PART = re.compile(rf"\.?([A-Za-z0-9_-]+)|\[({_QUOTED})\]", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


class TemplateError(ValueError):
    """A placeholder is malformed, or leads nowhere; the message names it, what is missing and the way out."""


def holds_templates(text: ActionText) -> bool:
    """Whether rendering can change anything. Braces in JSON are never doubled outside its texts."""
    return _OPENING in text


def normalise(value: Any, roots: tuple[str, ...] = ROOTS) -> Any:
    """The JSON tree with every placeholder in its shortest form, which holds no blanks.

    Raises TemplateError, with place and character, for a malformed placeholder, for a path that begins
    with none of `roots`, and for a tree nested deeper than 128.
    """

    def shortest(text: str, place: Path) -> str:
        return "".join(
            piece if isinstance(piece, str) else f"{{{{{piece.source}}}}}"
            for piece in _pieces(text, place, roots)
        )

    return _changed(value, shortest, ())


def references(text: ActionText) -> frozenset[Path]:
    """The paths of all placeholders. Raises TemplateError for a malformed one."""
    found: set[Path] = set()

    def collect(text: str, place: Path) -> str:
        found.update(piece.path for piece in _pieces(text, place) if isinstance(piece, _Lookup))
        return text

    if holds_templates(text):
        _changed(json.loads(text), collect, ())
    return frozenset(found)


def render(text: ActionText, values: Mapping[str, Any]) -> ActionText:
    """The action with every placeholder filled in from the JSON tree `values`.

    For steps that is {"steps": {name: {"result": …, "status": "SUCCEEDED", "error": …}}}. Raises
    TemplateError when a path leads nowhere, into a result that was cut, or when the action grows
    beyond 8 MiB or 128 levels. A text without placeholders comes back as it is.
    """
    if not holds_templates(text):
        return text
    filled = _changed(json.loads(text), _Filling(values, len(text.encode())).fill, ())
    rendered = json.dumps(filled, ensure_ascii=False, separators=(",", ":"))
    if len(rendered.encode()) > MAX_RENDERED_BYTES:
        raise _too_large()
    return rendered


@dataclass(frozen=True, slots=True)
class _Lookup:
    path: Path

    @property
    def source(self) -> str:
        return written(self.path)


@dataclass(frozen=True, slots=True)
class _Literal:
    text: str

    @property
    def source(self) -> str:
        return _quoted(self.text)


def written(path: Path) -> str:
    """The path as a template writes it, printable whatever its keys hold."""
    return "".join(f".{part}" if _BARE.match(part) else f"[{_quoted(part)}]" for part in path)[1:]


def _quoted(text: str) -> str:
    # ASCII without blanks, which passes where a URL or a header is expected.
    return json.dumps(text).replace(" ", "\\u0020")


def _changed(value: Any, change: Callable[[str, Path], Any], place: Path) -> Any:
    """The tree with each text that may hold templates changed; `place` is the way to it."""
    match value:
        case str():
            return change(value, place) if _OPENING in value else value
        case dict() | list() | tuple() if len(place) >= MAX_DEPTH:
            raise TemplateError(f"{'.'.join(place[:3])}…: an action is nested at most {MAX_DEPTH} deep")
        case dict():
            return {key: _changed(below, change, (*place, str(key))) for key, below in value.items()}
        case list() | tuple():
            return [_changed(below, change, (*place, str(number))) for number, below in enumerate(value)]
        case _:
            return value


def _pieces(text: str, place: Path, roots: tuple[str, ...] = ROOTS) -> list[str | _Lookup | _Literal]:
    pieces: list[str | _Lookup | _Literal] = []
    end = 0
    while (start := text.find(_OPENING, end)) >= 0:
        try:
            found = _PLACEHOLDER.match(text, start, start + MAX_PLACEHOLDER)
            if found is None:
                raise ValueError(f"{text[start : start + 40]!r} is no placeholder: {_WAY_OUT}")
            piece = _Literal(_unquoted(found[1])) if found[1] else _Lookup(_path(found[2], roots))
        except ValueError as error:
            where = f"{'.'.join(place)}, " if place else ""
            raise TemplateError(f"{where}character {start + 1}: {error}") from None
        pieces += [text[end:start], piece] if start > end else [piece]
        end = found.end()
    return [*pieces, text[end:]] if end < len(text) else pieces


def _path(source: str, roots: tuple[str, ...]) -> Path:
    parts = tuple(bare or _unquoted(quoted) for bare, quoted in _PART.findall(source))
    if parts[0] not in roots:
        raise ValueError(f"{parts[0]!r} is unknown here: a path begins with {' or '.join(roots)}")
    if parts[0] == STEPS and (len(parts) < 3 or parts[2] not in STEP_FIELDS):
        raise ValueError(f"{source!r} names no value: a step has a result, a status and an error")
    return parts


def _unquoted(source: str) -> str:
    try:
        text = str(json.loads(source))
        text.encode()
    except ValueError:
        raise ValueError(f"{source[:40]} is no JSON text") from None
    return text


@dataclass(slots=True)
class _Filling:
    values: Mapping[str, Any]
    size: int

    def fill(self, text: str, place: Path) -> Any:
        pieces = _pieces(text, place)
        if len(pieces) == 1 and isinstance(pieces[0], _Lookup):
            value = _found(self.values, pieces[0].path)
            self._text(value, pieces[0].path, len(place))
            return value
        return "".join(self._piece(piece, len(place)) for piece in pieces)

    def _piece(self, piece: str | _Lookup | _Literal, depth: int) -> str:
        if isinstance(piece, _Lookup):
            return self._text(_found(self.values, piece.path), piece.path, depth)
        return piece if isinstance(piece, str) else piece.text

    def _text(self, value: Any, path: Path, depth: int) -> str:
        if _deeper(value, MAX_DEPTH - depth):
            raise TemplateError(f"{written(path)}: makes the action nested more than {MAX_DEPTH} deep")
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        )
        # Counted while it grows: a short action may name a large result very often.
        self.size += len(text.encode())
        if self.size > MAX_RENDERED_BYTES:
            raise _too_large()
        return text


def _found(values: Mapping[str, Any], path: Path) -> Any:
    value: Any = values
    for length, part in enumerate(path):
        try:
            value = _below(value, part)
        except LookupError:
            raise TemplateError(f"{written(path)}: {_missing(values, path, length, value)}") from None
    if _is_result(path) and _was_cut(value):
        raise TemplateError(f"{written(path)}: {_cut(value)}")
    return value


def _below(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value[part]
    if isinstance(value, list | tuple) and part.isascii() and part.isdigit():
        return value[int(part)]
    raise LookupError


def _missing(values: Mapping[str, Any], path: Path, length: int, value: Any) -> str:
    if not length:
        return f"there is no {path[0]!r} here"
    owner, part = "the result" if _is_result(path[:length]) else written(path[:length]), path[length]
    match value:
        case Mapping() if _was_cut(value):
            return _cut(value)
        case Mapping():
            return f"{owner} has no {part!r} ({_names(value)})"
        case list() | tuple():
            return f"{owner} is a list of {len(value)} and has no {part!r}"
        case None if _is_result(path[:length]):
            return f"the result is null (the step is {values[STEPS][path[1]].get('status', 'not known')})"
        case None:
            return f"{owner} is null"
        case str() if _holder_was_cut(values, path[:length]):
            return f"{owner} was cut, and so is a text and no JSON: {_RETURN_LESS}"
        case _:
            return f"{owner} is a {'text' if isinstance(value, str) else 'plain value'} and has no {part!r}"


def _names(value: Mapping[str, Any]) -> str:
    if not value:
        return "it is empty"
    names = [name if _BARE.match(name) else _quoted(name) for name in sorted(value)]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"it has: {', '.join(name[:60] for name in names[:_MOST_NAMES])}{more}"


def _is_result(path: Path) -> bool:
    return len(path) == 3 and path[0] == STEPS and path[2] == "result"


def _was_cut(value: Any) -> bool:
    """Whether it is what a worker keeps of a result that was too large."""
    return (
        isinstance(value, Mapping)
        and value.keys() == {"truncated", "bytes", "start"}
        and value["truncated"] is True
    )


def _holder_was_cut(values: Any, path: Path) -> bool:
    """Whether what holds this value, such as the result of a rest action its body, says that it was cut."""
    for part in path[:-1]:
        values = _below(values, part)
    return isinstance(values, Mapping) and values.get("truncated") is True


def _cut(result: Mapping[str, Any]) -> str:
    return f"the result was cut at 64 KiB (it had {result['bytes']:,} bytes): {_RETURN_LESS}"


def _deeper(value: Any, most: int) -> bool:
    """Whether it nests more than `most` containers; level by level, for it may be deeper than the stack."""
    level = _containers([value])
    for _ in range(most):
        if not level:
            return False
        level = [below for parent in level for below in _containers(parent)]
    return bool(level)


def _containers(parent: Any) -> list[Any]:
    children = parent.values() if isinstance(parent, Mapping) else parent
    return [child for child in children if isinstance(child, Mapping | list | tuple)]


def _too_large() -> TemplateError:
    return TemplateError(
        f"the action grows beyond {MAX_RENDERED_BYTES:,} bytes when its templates are filled in"
    )
