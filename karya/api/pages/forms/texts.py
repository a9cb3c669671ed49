"""Values as people write them in a form, and what such a text says."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from karya.api.pages.forms.durations import iso, plain

Types = frozenset[str]
_TEXT = frozenset({"string"})


def clean(text: str) -> str:
    """The text as it comes back from a browser that was shown it, without blanks around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1, 1.0 and true are three."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def parsed(text: str) -> Any:
    """The value of a JSON text. Raises ValueError."""
    try:
        return orjson.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None


def scalar(text: str, types: Types) -> Any:
    """A text where it may be one alone, else JSON where it is such."""
    if types <= _TEXT:
        return text
    try:
        return parsed(text)
    except ValueError:
        return text


def of_scalar(value: Any, types: Types) -> str:
    """The text from which `scalar` reads the value."""
    if isinstance(value, str) and (types <= _TEXT or same(scalar(clean(value), types), value)):
        return value
    return json.dumps(value, ensure_ascii=False)


def body(text: str) -> Any:
    """JSON where it is an object or a list, and otherwise the text itself."""
    try:
        value = parsed(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def of_body(value: Any) -> str:
    """The text from which `body` reads the value."""
    return value if isinstance(value, str) else pretty(value)


def duration(text: str) -> str:
    """As `iso`."""
    return iso(text)


def of_duration(value: Any) -> str:
    """As `plain`; other values as JSON."""
    return plain(value) if isinstance(value, str) else pretty(value)


def words(text: str) -> Any:
    """Texts with blanks or commas between them, or a JSON list. Raises ValueError."""
    return parsed(text) if text.startswith("[") else text.replace(",", " ").split()


def of_words(value: Any) -> str:
    """The text from which `words` reads the value."""
    plain_words = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return _text_or_json(" ".join(value) if plain_words else "", value, words)


def listed(text: str, types: Types) -> Any:
    """A value per line, or a JSON list. Raises ValueError."""
    if text.startswith("["):
        return parsed(text)
    return [scalar(line.strip(), types) for line in text.split("\n") if line.strip()]


def of_list(value: Any, types: Types) -> str:
    """The text from which `listed` reads the value."""
    lines = [of_scalar(one, types) for one in value] if isinstance(value, list) else []
    return _text_or_json("\n".join(lines), value, lambda text: listed(text, types))


def mapped(text: str, types: Types) -> Any:
    """A `name: value` per line, or a JSON object. Raises ValueError."""
    if text.startswith("{"):
        return parsed(text)
    found: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not name:
            raise ValueError(f"line {number}: write name: value, or all of it as JSON")
        if name in found:
            raise ValueError(f"line {number}: {name} is given twice")
        found[name] = scalar(value, types)
    return found


def of_map(value: Any, types: Types) -> str:
    """The text from which `mapped` reads the value."""
    flat = isinstance(value, Mapping) and not any(isinstance(one, dict | list) for one in value.values())
    lines = [f"{name}: {of_scalar(one, types)}" for name, one in value.items()] if flat else []
    return _text_or_json("\n".join(lines), value, lambda text: mapped(text, types))


def _text_or_json(given: str, value: Any, read: Callable[[str], Any]) -> str:
    text = clean(given)
    try:
        return text if text and same(read(text), value) else pretty(value)
    except ValueError:
        return pretty(value)
