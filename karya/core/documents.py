"""YAML documents as plain data that JSON can say, with the line of each value."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

MOST_NODES = 2_000_000
"""Of one document, anchors counted where they are used: a few lines can stand for more than memory holds."""

Place = tuple[str | int, ...]
"""The way to a value inside a document: ("steps", 0, "name")."""


class PlainLoader(yaml.SafeLoader):
    """Leaves instants alone: the gateway wants them as they were written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the form are PyYAML's
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One value of a file, and where its parts stand."""

    file: str
    value: Any
    lines: Mapping[Place, int]

    def line(self, place: Sequence[str | int]) -> int:
        """The line of this part, or of the nearest one around it that was written."""
        where = tuple(place)
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines[where]

    def parts(self) -> "Iterator[Document]":
        """Itself, or its items if it is a list."""
        if not isinstance(self.value, list):
            yield self
            return
        for number, item in enumerate(self.value):
            below = {place[1:]: line for place, line in self.lines.items() if place[:1] == (number,)}
            yield Document(self.file, item, below)


class Unreadable(Exception):
    """Text that is no such YAML: at this line, for this reason."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")


def read_documents(file: str, text: str) -> Iterator[Document]:
    """The documents of a YAML (or JSON) text, without empty ones. Raises Unreadable."""
    loader = PlainLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # noqa: S101 - there is one
            lines = _Lines().of(node)
            value = loader.construct_document(node)
            json.dumps(value, allow_nan=False)
            if value is not None:
                yield Document(file, value, lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, _words(error)) from None
    except yaml.YAMLError as error:
        raise Unreadable(1, _words(error)) from None
    except (TypeError, ValueError) as error:
        raise Unreadable(1, f"not what JSON can say: {error}") from None
    except RecursionError:
        raise Unreadable(1, "nested too deeply") from None
    finally:
        loader.dispose()


def _words(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None)
    return " ".join(str(problem or error).split())


class _Lines:
    """Walks a document before it is made: refuses what would be made into something else than was meant."""

    def __init__(self) -> None:
        self._lines: dict[Place, int] = {}
        self._around: set[int] = set()

    def of(self, node: yaml.Node) -> Mapping[Place, int]:
        self._walk(node, ())
        return self._lines

    def _walk(self, node: yaml.Node, place: Place) -> None:
        line = node.start_mark.line + 1
        self._lines.setdefault(place, line)
        if len(self._lines) > MOST_NODES:
            raise Unreadable(line, "too large: its anchors stand for more than can be read")
        if id(node) in self._around:
            raise Unreadable(line, "an anchor that holds itself")
        self._around.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._walk(item, (*place, number))
        self._around.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, place: Place) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise Unreadable(line, f"a key is a text: write '{key.value}' in quotes")
            if key.value in seen:
                raise Unreadable(line, f"{key.value!r} is given twice")
            seen.add(key.value)
            self._walk(value, (*place, key.value))
            self._lines[(*place, key.value)] = line
