"""Texts that people read or write: what they may hold, and how they must look."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_ALLOWED = {"\n", "\t"}


def printable(text: str) -> str:
    """The text, if it holds no control characters but line breaks and tabs; ValueError otherwise."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _ALLOWED:
            raise ValueError(f"holds a control character (U+{ord(character):04X})")
    return text


def one_line(text: str) -> str:
    """The text, if it is printable and one line without tabs; ValueError otherwise."""
    # splitlines() knows all that Python takes for a line break, U+2028 for one.
    if printable(text).splitlines() not in ([], [text]) or "\t" in text:
        raise ValueError("must be one line, without tabs")
    return text


@dataclass(frozen=True, slots=True)
class Shaped:
    """Annotates a text that has to match a pattern as a whole. Where it does not, the client reads the
    words: a pattern tells few people what to write."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See pydantic: the text is checked behind its other rules."""
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """See pydantic: programs read the pattern."""
        return {**handler(schema), "pattern": f"^({self.pattern})$"}

    def checked(self, text: str) -> str:
        """The text itself. Raises ValueError, with the words."""
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.words)
        return text
