"""Texts that people read."""

import unicodedata

_ALLOWED = {"\n", "\t"}


def printable(text: str) -> str:
    """The text, if it holds no control characters but line breaks and tabs; ValueError otherwise."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in _ALLOWED:
            raise ValueError(f"holds a control character (U+{ord(character):04X})")
    return text
