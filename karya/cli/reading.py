"""Jobs as people write them: read from files or standard input, as plain data."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from karya.core.errors import ConfigError, InvalidInput

_A_JOB = "a job is a mapping with at least an action or steps"
_STDIN = "-"


def read_spec(file: str) -> dict[str, Any]:
    """The job in this file. Raises as `read_text` and `parse_mapping`."""
    return parse_mapping(read_text(file), _A_JOB, file)


def parse_mapping(text: str, otherwise: str, file: str = _STDIN) -> dict[str, Any]:
    """A mapping from JSON or YAML text, as plain data. Raises InvalidInput, which names file and line, or has
    these words for what is no mapping."""
    spec = _parsed(text, file)
    if not isinstance(spec, dict):
        raise InvalidInput.at("", otherwise)
    return spec


def parse_many(text: str, file: str = _STDIN) -> Sequence[dict[str, Any]]:
    """Jobs from JSON (a list, or one a line) or YAML (a list, or several documents), as plain data. Raises
    InvalidInput, which names the item, from 0, or file and line."""
    items = list(_items(text, file))
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidInput.at(str(number), _A_JOB)
    if not items:
        raise InvalidInput.at("", "no jobs: write them as a JSON or YAML list, or one JSON object a line")
    return items


def read_text(file: str) -> str:
    """The text of a file, or of standard input for "-". Raises ConfigError when it cannot be read."""
    try:
        if file == _STDIN:
            return sys.stdin.read() if sys.stdin else ""
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} cannot be read: it is no UTF-8 text: {error}") from None


def _items(text: str, file: str) -> Iterator[Any]:
    first = text.lstrip()[:1]
    if first == "{":
        yield from _lines(text, file)
    elif first == "[":
        yield from _json(text, file)
    else:
        for document in _yaml_documents(text, file):
            yield from document if isinstance(document, list) else [document]


def _lines(text: str, file: str) -> Iterator[Any]:
    """One JSON object a line; or a single one over several."""
    with suppress(InvalidInput):
        yield _json(text, file)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _json(line, file, number)


def _parsed(text: str, file: str) -> Any:
    try:
        return _json(text, file)
    except InvalidInput:
        if text.lstrip().startswith("{"):
            raise
    documents = _yaml_documents(text, file)
    if len(documents) > 1:
        raise InvalidInput.at(file, "several documents: `karya submit-many` takes those")
    return documents[0] if documents else None


def _json(text: str, file: str, line: int = 1) -> Any:
    """Raises InvalidInput with the line, where the text begins with this one."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except json.JSONDecodeError as error:
        where = f"{file}:{line + error.lineno - 1}"
        raise InvalidInput.at(where, f"no JSON: {error.msg} (column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput.at(f"{file}:{line}", f"no JSON: {error}") from None
    return value


def _yaml_documents(text: str, file: str) -> Sequence[Any]:
    from karya.core.documents import Unreadable, read_documents

    try:
        return [document.value for document in read_documents(file, text)]
    except Unreadable as error:
        raise InvalidInput.at(f"{file}:{error.line}", error.reason) from None
