"""What a model asks for, as controls of a form: made from its JSON schema, for every connector alike."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from karya.api.pages.forms import texts
from karya.core.asking import LONG_KEY, SELDOM_KEY

Schema = Mapping[str, Any]
MISSING = object()
"""The default of what has none."""

_DEEPEST = 3
_ANY = "any"
_MANY = frozenset({"object", "array"})


class Kind(StrEnum):
    """What stands in a control."""

    LINE = "line"
    AREA = "area"
    CHOICE = "choice"
    DURATION = "duration"
    WORDS = "words"
    LIST = "list"
    MAP = "map"
    BODY = "body"
    JSON = "json"


class _Text(NamedTuple):
    """How the text for a value is made, and the value read from it again."""

    show: Callable[[Any, texts.Types], str]
    read: Callable[[str, texts.Types], Any]


def _of_any_type(show: Callable[[Any], str], read: Callable[[str], Any]) -> _Text:
    return _Text(lambda value, _: show(value), lambda text, _: read(text))


_SCALAR = _Text(texts.of_scalar, texts.scalar)
_TEXTS: Mapping[Kind, _Text] = {
    Kind.DURATION: _of_any_type(texts.of_duration, texts.duration),
    Kind.LIST: _Text(texts.of_list, texts.listed),
    Kind.WORDS: _of_any_type(texts.of_words, texts.words),
    Kind.MAP: _Text(texts.of_map, texts.mapped),
    Kind.BODY: _of_any_type(texts.of_body, texts.body),
    Kind.JSON: _of_any_type(texts.pretty, texts.parsed),
}
"""All others hold one value."""


@dataclass(frozen=True, slots=True)
class Control:
    """One field, by its path in the model. `types` are the JSON types of its value, or of each one in it."""

    name: str
    label: str
    kind: Kind
    types: frozenset[str]
    default: Any = MISSING
    required: bool = False
    seldom: bool = False
    hint: str = ""
    example: str = ""
    options: tuple[str, ...] = ()

    @property
    def blank(self) -> str:
        """What stands in it when nobody has written anything."""
        in_sight = self.kind is Kind.CHOICE and "." not in self.name
        return self.shown(self.default) if in_sight and self.default not in (MISSING, None) else ""

    @property
    def group(self) -> str:
        """What it is a part of, or its own label."""
        return self.label.partition(", ")[0]

    @property
    def may_be_empty(self) -> bool:
        """Whether a choice has an empty option."""
        return not self.blank

    def shown(self, value: Any) -> str:
        """The text for a value."""
        return _TEXTS.get(self.kind, _SCALAR).show(value, self.types)

    def read(self, text: str) -> Any:
        """The value of a text that is not empty. Raises ValueError, in words for the client."""
        return _TEXTS.get(self.kind, _SCALAR).read(text, self.types)

    def kept(self, value: Any) -> str | None:
        """The text from which this very value is read again, or an empty one where that says the same; None
        when there is no such text."""
        text = texts.clean(self.shown(value))
        try:
            if text and texts.same(self.read(text), value):
                return text
        except ValueError:
            pass
        is_default = self.default is not MISSING and texts.same(self.default, value)
        return self.blank if is_default else None


def controls_of(
    model: Schema, definitions: Schema, without: frozenset[str], in_words: frozenset[str] = frozenset()
) -> tuple[Control, ...]:
    """A control for each property of an object but those `without` one, those of objects inside it included.
    Lists that are named by `in_words` stand in one line."""
    properties = {name: told for name, told in model["properties"].items() if name not in without}
    return tuple(_controls({**model, "properties": properties}, definitions, in_words, "", ""))


def _controls(
    model: Schema, definitions: Schema, in_words: frozenset[str], path: str, group: str
) -> Iterator[Control]:
    for name, told in model["properties"].items():
        label = _label(name, told, group)
        full = {**plain(told, definitions), "description": told.get("description", "")}
        if "properties" in full and path.count(".") < _DEEPEST:
            yield from _controls(full, definitions, in_words, f"{path}{name}.", label)
        else:
            required = not path and name in model.get("required", ())
            kind, types = _kind(full, definitions)
            kind = Kind.WORDS if f"{path}{name}" in in_words else kind
            yield _control(f"{path}{name}", label, required, full, kind, types)


def _control(
    name: str, label: str, required: bool, told: Schema, kind: Kind, types: frozenset[str]
) -> Control:
    control = Control(
        name,
        label,
        kind,
        types,
        default=told.get("default", MISSING),
        required=required,
        seldom="." in name or bool(told.get(SELDOM_KEY)),
        options=_options(told, types),
    )
    examples = told.get("examples", ())
    return replace(control, hint=_hint(told, control), example=control.shown(examples[0]) if examples else "")


def plain(told: Schema, definitions: Schema) -> Schema:
    """The schema with references followed, and what it is besides null."""
    while True:
        rest = {key: value for key, value in told.items() if key not in ("$ref", "anyOf")}
        if "$ref" in told:
            told = {**definitions[told["$ref"].rpartition("/")[2]], **rest}
        elif len(others := [one for one in told.get("anyOf", ()) if one.get("type") != "null"]) == 1:
            told = {**others[0], **rest}
        else:
            return told


def _kind(told: Schema, definitions: Schema) -> tuple[Kind, frozenset[str]]:
    types = _types(told, definitions)
    if "enum" in told or "const" in told or types == {"boolean"}:
        return Kind.CHOICE, types
    if types == {"array"}:
        inner = _types(told.get("items", {}), definitions)
        return (Kind.JSON if inner & _MANY else Kind.LIST), inner
    if types == {"object"}:
        inner = _types(_values_of(told), definitions)
        return (Kind.JSON if inner <= _MANY else Kind.MAP), inner - _MANY
    if types & {_ANY, *_MANY}:
        return Kind.BODY, types
    if told.get("format") == "duration":
        return Kind.DURATION, types
    return (Kind.AREA if LONG_KEY in told else Kind.LINE), types


def _values_of(told: Schema) -> Schema:
    """What each value of an object is."""
    given = told.get("additionalProperties")
    if isinstance(given, Mapping):
        return given
    values: Schema = next(iter(told.get("patternProperties", {}).values()), {})
    return values


def _types(told: Schema, definitions: Schema) -> frozenset[str]:
    told = plain(told, definitions)
    several = told.get("anyOf") or told.get("oneOf")
    if several:
        return frozenset().union(*(_types(one, definitions) for one in several))
    given = told.get("type", _ANY)
    return frozenset([given] if isinstance(given, str) else given)


def _options(told: Schema, types: frozenset[str]) -> tuple[str, ...]:
    given = told.get("enum") or ([told["const"]] if "const" in told else [])
    if not given and types == {"boolean"}:
        given = [True, False]
    return tuple(texts.of_scalar(one, types) for one in given)


def _label(name: str, told: Schema, group: str) -> str:
    title = str(told.get("title", ""))
    words = name.replace("_", " ").strip()
    if title in ("", words.title(), name.title().replace("_", " ")):
        title = words if group else words[:1].upper() + words[1:]
    return f"{group}, {title}" if group else title


_HOW = {
    Kind.LIST: "one per line",
    Kind.MAP: "one name: value per line",
    Kind.WORDS: "with blanks between them",
    Kind.DURATION: "such as 30 s or 5 min",
    Kind.JSON: "JSON",
}


def _hint(told: Schema, control: Control) -> str:
    about = " ".join(told["description"].replace("`", "").split()).removesuffix(".")
    how = _HOW.get(control.kind, "")
    if control.default in (MISSING, None, [], {}, "") or control.blank:
        return "; ".join(filter(None, (about, how)))
    return "; ".join(filter(None, (about, how, f"empty: {control.shown(control.default)}")))
