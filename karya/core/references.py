"""Secrets in declared jobs: references that `karya apply` resolves, and what stands for one in an export.

`${env:NAME}` and `${file:/path}` in any text, as in the settings; a `$` more makes them plain text
(`$${env:NAME}` is `${env:NAME}`). Everything else with a `$` stays as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from karya.core.errors import ConfigError, FieldError, InvalidInput
from karya.core.secrets import Secrets

REDACTED = "${redacted}"
"""What an export has in place of a secret: nothing applies it."""

HIDDEN = "(secret)"
"""What people are shown of one."""

_MARK = re.compile(r"(\$+)\{(?:(env|file):([^{}]*)|redacted)\}")
_SECRET_NAME = re.compile(
    r"(^|[-_.])(authorization|cookie|credential|pass(word|wd|phrase)?|pwd|secret|token|signature|"
    r"(api|access|private|auth)[-_]?key)s?($|[-_.])",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TEMPLATE = re.compile(r"(\w+\s+)?\{\{[^{}]*\}\}")  # such as Bearer {{ steps.login.result.token }}
_IN_URL = re.compile(r"([?&]([^=&#]+)=)([^&#]+)")
_WAY_OUT = (
    "is a secret that the export left out: write ${env:NAME} or ${file:/path} here, or the secret itself"
)


@dataclass(slots=True)
class Resolver:
    """Fills references in, and remembers what must not be shown."""

    secrets: Secrets
    found: dict[str, str] = field(default_factory=dict)
    """The references, by what they lead to."""

    def resolved(self, value: Any) -> Any:
        """The value with every reference in its texts filled in. Raises InvalidInput, which names each field
        with a reference that leads nowhere, or with a secret that was left out."""
        errors: list[FieldError] = []

        def fill(text: str, place: str) -> str:
            try:
                return self._text(text, place)
            except ConfigError as error:
                errors.append(FieldError(place, str(error).removeprefix(f"{place}: ")))
                return text

        filled = _mapped(value, fill)
        if errors:
            raise InvalidInput(errors)
        return filled

    def hidden(self, text: str) -> str:
        """The text, the references in place of what they lead to."""
        for secret, reference in sorted(self.found.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(secret, reference)
        return text

    def _text(self, text: str, place: str) -> str:
        def fill(found: re.Match[str]) -> str:
            dollars, kind, _ = found.groups()
            if len(dollars) > 1:
                return found[0][1:]
            if kind is None:
                raise ConfigError(_WAY_OUT)
            value: str = self.secrets.resolved(found[0], place)
            if value:
                self.found[value] = found[0]
            return value

        return _MARK.sub(fill, text)


def escaped(value: Any) -> Any:
    """The value such that resolving it gives it back: what reads like a reference gets a `$` more."""
    return _mapped(value, lambda text, _: _MARK.sub(lambda found: f"${found[0]}", text))


def redacted(value: Any) -> Any:
    """The value with the mark in place of each text under a name that sounds secret, headers and the queries
    of URLs included. Templates are no secrets."""
    match value:
        case Mapping():
            return {
                key: _struck(below) if is_secret(key) else redacted(below) for key, below in value.items()
            }
        case list() | tuple():
            return [redacted(below) for below in value]
        case str():
            return _IN_URL.sub(_struck_query, value) if "://" in value else value
        case _:
            return value


def is_secret(name: str) -> bool:
    """Whether what stands under this name is not to be shown."""
    return _SECRET_NAME.search(_CAMEL.sub("-", name)) is not None


def _struck(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _struck(below) for key, below in value.items()}
        case list() | tuple():
            return [_struck(below) for below in value]
        case str() if value and not _TEMPLATE.fullmatch(value):
            return REDACTED
        case _:
            return value


def _struck_query(found: re.Match[str]) -> str:
    return f"{found[1]}{REDACTED}" if is_secret(found[2]) else found[0]


def _mapped(value: Any, change: Callable[[str, str], str], place: str = "") -> Any:
    match value:
        case str():
            return change(value, place)
        case Mapping():
            dot = f"{place}." if place else ""
            return {key: _mapped(below, change, f"{dot}{key}") for key, below in value.items()}
        case list() | tuple():
            dot = f"{place}." if place else ""
            return [_mapped(below, change, f"{dot}{number}") for number, below in enumerate(value)]
        case _:
            return value
