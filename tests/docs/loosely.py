"""Compares what a page shows with what came.

Ids, times and numbers may differ, so may spaces and the plural of what is counted; `…` stands for anything.
Each line that is shown has to be there, in that order; what lies between them is not looked at.
"""

import re
from collections.abc import Iterator

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TOKEN = re.compile(
    rf"(?P<id>{ID})|(?P<short>[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-)*…)|(?P<hex>\b[0-9a-f]{{8}}\b)"
    r"|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?P<count>\d+(?= [A-Z]{4}))|(?P<number>\d[\d.,]*)"
    r"|(?P<counted>(?<=\d )[a-z]+)"
    r"|(?P<any>…)|(?P<space>\s+)|(?P<rule>[-─━]{3,})"
)
TIME = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
LOOSE = {
    "hex": r"[0-9a-f]{8}",
    "time": TIME,
    "number": r"\d[\d.,]*",
    "any": r".*?",
    "space": "",
    "rule": "-*",
}


class Loosely:
    """The comparisons of one page, which remembers what the ids that it shows stand for."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        """From an id as shown, whole or `01a2…-…`, to the real one."""

    def real(self, command: str) -> str:
        """The command with real ids in it."""
        return TOKEN.sub(lambda token: self._known(token[0], self.ids) or token[0], command)

    def missing(self, shown: str, output: str) -> str | None:
        """The first line that is shown and did not come, or None. Learns the ids where all came."""
        squeezed = re.sub(r"[-─━]{3,}", "-", re.sub(r"[^\S\n]+", "", output))
        learnt: dict[str, str] = {}
        start = 0
        for line in filter(str.strip, shown.split("\n")):
            names: list[str] = []
            found = re.compile(self._pattern(line.strip(), names, learnt), re.DOTALL).search(squeezed, start)
            if found is None:
                return line
            learnt.update(zip(names, found.groups(), strict=True))
            start = found.end()
        self.ids.update(learnt)
        return None

    def _pattern(self, line: str, names: list[str], learnt: dict[str, str]) -> str:
        return "".join(self._parts(line, names, {**self.ids, **learnt}))

    def _parts(self, line: str, names: list[str], known: dict[str, str]) -> Iterator[str]:
        end = 0
        for token in TOKEN.finditer(line):
            yield re.escape(line[end : token.start()])
            end = token.end()
            kind, text = token.lastgroup or "", token[0]
            if kind in ("id", "short"):
                yield self._id(text, names, known)
            elif kind == "counted":
                yield re.escape(text.removesuffix("s")) + "s?"
            else:
                yield LOOSE.get(kind) or ("" if kind in LOOSE else re.escape(text))
        yield re.escape(line[end:])

    def _id(self, shown: str, names: list[str], known: dict[str, str]) -> str:
        real = self._known(shown, known)
        if real is not None:
            return re.escape(real)
        if shown in names:
            return rf"(?:\{names.index(shown) + 1})"
        names.append(shown)
        return f"({ID})"

    @staticmethod
    def _known(shown: str, known: dict[str, str]) -> str | None:
        """What the id stands for; a shortened one is the first with that beginning."""
        beginning = shown.removesuffix("…")
        return known.get(shown) or next(
            (real for other, real in known.items() if shown != beginning and other.startswith(beginning)),
            None,
        )
