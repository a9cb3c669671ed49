"""Declared jobs as they stand in files: read, filled in, checked as far as that goes without a cluster."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from karya.cli.reading import read_text
from karya.core.declared import faults
from karya.core.documents import Document, Unreadable, read_documents
from karya.core.errors import ConfigError, FieldError, InvalidInput
from karya.core.references import Resolver
from karya.core.secrets import Secrets

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared job: where it stands, and what is declared, its references filled in."""

    document: Document
    spec: dict[str, Any]

    def error(self, field: str, message: str) -> FieldError:
        """What is wrong with this field, and where that stands."""
        return located(self.document, field, message)


def new_resolver() -> Resolver:
    """Fills in what the environment and the files of this machine hold."""
    return Resolver(Secrets(os.environ, lambda path: Path(path).expanduser().read_text()))


def read_declarations(
    files: Sequence[str], label: str | None, resolver: Resolver | None
) -> list[Declaration]:
    """The jobs that these files and directories declare, each with its set. Without a resolver references
    stay as they are. Raises InvalidInput with the file, line and field of everything that is wrong, and
    ConfigError for a file that cannot be read, or where nothing is declared: to prune all is no accident."""
    errors: list[FieldError] = []
    found: list[Declaration] = []
    for document in _documents(files, errors):
        try:
            found.append(_declaration(document, label, resolver))
        except InvalidInput as error:
            errors += error.errors
    errors += _twice(found)
    if errors:
        raise InvalidInput(errors)
    if not found:
        where = ", ".join(files)
        raise ConfigError(
            f"no job is declared in {where}: write one at least (`karya cancel` ends stored ones)"
        )
    return found


def located(document: Document, field: str, message: str) -> FieldError:
    """An error as people look for it: file, line, field."""
    place = [int(part) if part.isdecimal() else part for part in field.split(".")] if field else []
    where = f"{document.file}:{document.line(place)}"
    return FieldError(f"{where}: {field}" if field else where, message)


def _documents(files: Iterable[str], errors: list[FieldError]) -> Iterator[Document]:
    for file in _expanded(files):
        try:
            for document in read_documents(file, read_text(file)):
                yield from document.parts()
        except Unreadable as error:
            errors.append(FieldError(f"{file}:{error.line}", error.reason))


def _expanded(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        path = Path(file)
        if file == "-" or not path.is_dir():
            yield file
            continue
        inside = sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
        if not inside:
            raise ConfigError(f"the directory {file} holds no {', '.join(_SUFFIXES)} file")
        yield from map(str, inside)


def _declaration(document: Document, label: str | None, resolver: Resolver | None) -> Declaration:
    if not isinstance(document.value, dict):
        raise InvalidInput([located(document, "", "a job is a mapping with at least an action or steps")])
    written = document.value
    errors = [located(document, error.field, error.message) for error in faults(written)]
    if label is not None and written.get("set", label) != label:
        errors.append(located(document, "set", f"is {written['set']!r}, and --set says {label!r}"))
    try:
        spec = written if resolver is None else resolver.resolved(written)
    except InvalidInput as error:
        raise InvalidInput(
            [*errors, *(located(document, one.field, one.message) for one in error.errors)]
        ) from None
    if errors:
        raise InvalidInput(errors)
    return Declaration(document, spec if label is None else {**spec, "set": label})


def _twice(found: Sequence[Declaration]) -> Iterator[FieldError]:
    first: dict[tuple[Any, Any], Declaration] = {}
    for one in found:
        key = (str(one.spec.get("user_id")), str(one.spec["name"]))
        other = first.setdefault(key, one)
        if other is not one:
            where = f"{other.document.file}:{other.document.line(['name'])}"
            yield one.error("name", f"{one.spec['name']!r} is declared at {where}, too")
