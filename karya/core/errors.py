"""The error tree: every failure that Karya reports to a caller, as one class each.

Errors carry plain data; the gateway turns them into problem+json, the command line into one line.
"""

import re
from ast import literal_eval
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_NOT_FOUND = re.compile(r"no ([a-z ]+) ('.*'|\".*\")", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: its dotted path in the request, and what to write instead."""

    field: str
    message: str


class KaryaError(Exception):
    """Base of every error that Karya raises on purpose."""


class ConfigError(KaryaError):
    """A setting, a path or an address is wrong; the message names it and the way out."""


class InvalidInput(KaryaError):
    """The request breaks the contract; `errors` names each field. Nothing was stored."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in self.errors))

    def __reduce__(self) -> tuple[type["InvalidInput"], tuple[tuple[FieldError, ...]]]:
        return InvalidInput, (self.errors,)

    @classmethod
    def at(cls, field: str, message: str) -> "InvalidInput":
        """One error on one field."""
        return cls([FieldError(field, message)])


class NotFound(KaryaError):
    """The thing does not exist, or belongs to somebody else: both read the same (I10)."""

    def __init__(self, kind: str, ident: str) -> None:
        self.kind, self.ident = kind, ident
        super().__init__(f"no {kind} {ident!r}")

    def __reduce__(self) -> tuple[type["NotFound"], tuple[str, str]]:
        return NotFound, (self.kind, self.ident)

    @classmethod
    def of(cls, words: str) -> "NotFound | None":
        """The error that reads like this; None for other words. Clients are told the words alone."""
        found = _NOT_FOUND.fullmatch(words)
        try:
            return cls(found[1], str(literal_eval(found[2]))) if found else None
        except (SyntaxError, ValueError):
            return None


def existing(found: T | None, kind: str, ident: str) -> T:
    """What was found of this kind under this id. Raises NotFound when there was nothing."""
    if found is None:
        raise NotFound(kind, ident)
    return found


class Conflict(KaryaError):
    """The state of the thing forbids the request, for example cancelling a completed job."""


class Outdated(Conflict):
    """The job was changed since the version that the caller has seen; nothing was done."""


class PositionGone(KaryaError):
    """What followed a position in the order of events is not kept any more."""


class Forbidden(KaryaError):
    """The caller is known and may not do this; the message says which role may."""


class Unauthenticated(KaryaError):
    """The caller did not say who they are, or in a way that is not known here."""


class Unavailable(KaryaError):
    """A part that is needed does not answer; nothing is known to be stored. Trying again is safe."""


class StoreUnavailable(Unavailable):
    """MongoDB does not acknowledge. The write is unknown, not failed: re-read by id before trying again."""


class StoreRefuses(StoreUnavailable):
    """MongoDB does answer, but with an error: there is nothing to wait for, and it may grant other things."""


class DataDirectoryInUse(ConfigError):
    """Another cluster holds the data directory; the message says who."""
