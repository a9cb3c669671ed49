"""Brings docs/reference up to date with the code: `python docs/generate.py [--check]`.

A table between `<!-- generated: NAME -->` and `<!-- end -->` gets its rows from the code; the last
column is written by people and kept, row by row. With --check nothing is written, and the exit code
is 1 when something would change. The page rest.md is made as a whole.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import rest_reference
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from karya.actors.metrics import (
    SchedulerMetrics,
    ServerMetrics,
    SupervisorMetrics,
    WorkerMetrics,
    exposition,
    figures,
)
from karya.cli.exits import ONLY, Exit
from karya.core.audit.findings import INVARIANTS, Code
from karya.core.configuration import PREFIX
from karya.core.events import CHANGED, MOVED, EventKind
from karya.core.settings import Settings
from karya.core.times import format_duration
from karya.core.transitions import LEGAL

REFERENCE = Path(__file__).parent / "reference"
MISSING = "TODO"
Rows = Mapping[str, tuple[str, ...]]


def settings_rows() -> Rows:
    """Key, type, default, name in the environment."""
    return {
        f"`{key}`": (
            _type(field),
            _code(field.get_default(call_default_factory=True)),
            f"`{PREFIX}{key.upper().replace('.', '__')}`",
        )
        for key, field in _fields(Settings)
    }


def _fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        below = field.annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            yield from _fields(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    bounds = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le")
        if hasattr(rule, name)
    }
    pattern = next((rule.pattern for rule in field.metadata if getattr(rule, "pattern", None)), None)
    if get_origin(kind) is dict:
        return "mapping"
    names = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true or false",
        timedelta: "duration",
        str | None: "text or nothing",
    }
    text = names.get(kind) or ("number or nothing" if type(None) in get_args(kind) else "list of texts")
    if "ge" in bounds and "le" in bounds:
        text += f", {bounds['ge']} to {bounds['le']}"
    if "gt" in bounds:
        text += ", above zero"
    return f"{text}, `{pattern}`" if pattern else text


def _code(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def metrics_rows() -> Rows:
    """Name and type as exposed, actors."""
    actors = {
        "server": ServerMetrics(),
        "scheduler": SchedulerMetrics(),
        "worker-N": WorkerMetrics(),
        "supervisor": SupervisorMetrics(),
    }
    kinds: dict[str, str] = {}
    having: dict[str, list[str]] = defaultdict(list)
    for actor, metrics in actors.items():
        for line in exposition([figures(actor, metrics.registry)]).decode().splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                kinds[name] = kind
                having[name].append(f"`{actor}`")
    return {
        f"`{name}`": (kind, "all" if len(having[name]) == len(actors) else ", ".join(having[name]))
        for name, kind in kinds.items()
    }


def states_rows() -> Rows:
    """Move, sources, target."""
    return {
        f"`{move.value}`": (", ".join(sorted(state.value for state in sources)), target.value)
        for move, (sources, target) in LEGAL.items()
    }


def findings_rows() -> Rows:
    """Code and invariants."""
    return {f"`{code.value}`": (", ".join(INVARIANTS[code]),) for code in Code}


def exits_rows() -> Rows:
    """Code, name, commands."""
    return {
        str(code.value): (code.name, ", ".join(f"`{words}`" for words in ONLY.get(code, ())) or "all")
        for code in Exit
    }


def events_rows() -> Rows:
    """Kind, and from which change it follows."""
    moves = {kind: f"move `{move.value}`" for move, kind in MOVED.items()}
    changes = {kind: f"entry `{change.value}` of the history" for change, kind in CHANGED.items()}
    return {f"`{kind.value}`": ({**moves, **changes}.get(kind, "its document"),) for kind in EventKind}


TABLES = {
    "events": ("events.md", events_rows),
    "exits": ("cli.md", exits_rows),
    "findings": ("audit.md", findings_rows),
    "settings": ("settings.md", settings_rows),
    "metrics": ("metrics.md", metrics_rows),
    "transitions": ("states.md", states_rows),
}


def renewed(text: str, name: str, rows: Rows) -> str:
    """The page with this table renewed."""
    head, marker, rest = text.partition(f"<!-- generated: {name} -->\n")
    table, end, tail = rest.partition("<!-- end -->")
    if not marker or not end:
        raise SystemExit(f"no table {name!r}")
    lines = table.strip().splitlines()
    written = {
        line.split(" | ")[0].removeprefix("| "): line.rsplit(" | ", 1)[1].removesuffix(" |")
        for line in lines[2:]
    }
    body = [f"| {' | '.join((key, *cells, written.get(key, MISSING)))} |" for key, cells in rows.items()]
    return "".join([head, marker, "\n".join([*lines[:2], *body]), "\n", end, tail])


def main() -> int:
    """Renews every table; returns the exit code."""
    stale = False
    for name, (file, rows) in TABLES.items():
        page = REFERENCE / file
        before = page.read_text()
        after = renewed(before, name, rows())
        if after != before or MISSING in after:
            stale = True
            print(f"{page.name}: {name} changed" + (", a meaning is missing" if MISSING in after else ""))
        if "--check" not in sys.argv:
            page.write_text(after)
    stale |= _renewed_page(REFERENCE / "rest.md", rest_reference.page())
    return int(stale and "--check" in sys.argv)


def _renewed_page(page: Path, text: str) -> bool:
    """Writes a page that is made as a whole; says whether it was another."""
    if page.exists() and page.read_text() == text:
        return False
    print(f"{page.name} changed")
    if "--check" not in sys.argv:
        page.write_text(text)
    return True


if __name__ == "__main__":
    sys.exit(main())
