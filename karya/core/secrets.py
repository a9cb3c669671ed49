"""Secrets by reference: `${env:NAME}` and `${file:/path}` in settings, so that the settings hold none.

A reference is the whole value or part of a longer text. What it stands for goes in as it is, without
the line break at the end of a file, and is not looked at for references again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from karya.core.errors import ConfigError

ReadFile = Callable[[str], str]
"""Reads a text file. Raises OSError, or ValueError when the path or the text is none."""

_REFERENCE = re.compile(r"\$\{(?:(env|file):([^{}]+)\})?")
_WAY_OUT = "write ${env:NAME} or ${file:/path}; a text that holds '${' itself can stand in either"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where references lead: the environment, and files."""

    environ: Mapping[str, str]
    read_file: ReadFile

    def resolved(self, value: Any, name: str) -> Any:
        """The value with every reference in its texts, however deep, replaced.

        Raises ConfigError, which names the setting and the reference, never what it leads to.
        """
        match value:
            case str():
                return self._text(value, name)
            case dict():
                return {key: self.resolved(below, f"{name}.{key}") for key, below in value.items()}
            case list():
                return [self.resolved(below, f"{name}.{number}") for number, below in enumerate(value)]
            case _:
                return value

    def _text(self, text: str, name: str) -> str:
        return _REFERENCE.sub(lambda found: self._found(found, name), text)

    def _found(self, reference: re.Match[str], name: str) -> str:
        kind, place = reference.groups()
        if kind is None:
            raise ConfigError(f"{name}: '${{' begins no reference: {_WAY_OUT}")
        return self._variable(place, name) if kind == "env" else self._file(place, name)

    def _variable(self, variable: str, name: str) -> str:
        try:
            return self.environ[variable]
        except KeyError:
            raise ConfigError(f"{name}: ${{env:{variable}}}: that variable is not set") from None

    def _file(self, path: str, name: str) -> str:
        try:
            text = self.read_file(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such path, or no text in it"
            raise ConfigError(f"{name}: ${{file:{path}}} cannot be read: {reason}") from None
        return text.rstrip("\r\n")
