"""How `karya apply` shows what it is about to do."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from karya.cli.output import inert, out, schedule_text, work_text
from karya.core.declared import Kind, Verdict
from karya.core.differences import ABSENT, Difference
from karya.core.references import HIDDEN, Resolver, is_secret

_SIGNS = {Kind.CREATE: ("+", "green"), Kind.CHANGE: ("~", "yellow"), Kind.PRUNE: ("-", "red")}
_DONE = {Kind.CREATE: "created", Kind.CHANGE: "changed", Kind.PRUNE: "pruned"}
_MOST_CHARACTERS = 200


def show_plan(plan: Sequence[Verdict], resolver: Resolver) -> None:
    """Every job that something becomes of, and how many stay as they are."""
    for one in plan:
        if one.kind in _SIGNS:
            _show(one, resolver)
    for one in plan:
        if one.kind is Kind.OVER:
            _line(f"! {one.name}: left out, since its last instant has passed", "dim")
    out.print(counted(plan), soft_wrap=True)


def counted(plan: Sequence[Verdict]) -> str:
    """How many of each kind, in one line."""
    numbers = Counter(one.kind for one in plan)
    words = {Kind.CREATE: "to create", Kind.CHANGE: "to change", Kind.PRUNE: "to prune"}
    parts = [f"{numbers[kind]:,} {text}" for kind, text in words.items() if numbers[kind]]
    parts.append(f"{numbers[Kind.UNCHANGED]:,} unchanged")
    return ", ".join(parts + ([f"{numbers[Kind.OVER]:,} over"] if numbers[Kind.OVER] else []))


def done_text(plan: Sequence[Verdict]) -> str:
    """What was done, in one line."""
    numbers = Counter(one.kind for one in plan)
    return ", ".join(f"{numbers[kind]:,} {word}" for kind, word in _DONE.items() if numbers[kind])


def plan_json(plan: Sequence[Verdict], resolver: Resolver, *, applied: bool) -> dict[str, Any]:
    """The same for programs."""
    return {
        "applied": applied,
        "jobs": [
            {
                "name": one.name,
                "kind": one.kind.value,
                "id": one.job_id,
                "version": one.version,
                "fields": [_difference_json(each, resolver) for each in one.differences],
            }
            for one in plan
        ],
    }


def _show(one: Verdict, resolver: Resolver) -> None:
    sign, style = _SIGNS[one.kind]
    paused = ", paused" if one.state == "PAUSED" else ""
    version = f"  (version {one.version}{paused})" if one.version is not None else ""
    _line(f"{sign} {one.name}{version}", f"bold {style}")
    if one.kind is Kind.CHANGE:
        for each in one.differences:
            _line(
                f"    {each.field}: {_shown(each, each.old, resolver)} → {_shown(each, each.new, resolver)}"
            )
        return
    work = work_text({"action": None, **one.spec})
    _line(f"    {resolver.hidden(work)}; {schedule_text(one.spec['schedule'])}", "dim")


def _line(text: str, style: str = "") -> None:
    out.print(Text(inert(text), style=style), soft_wrap=True)


def _shown(difference: Difference, value: Any, resolver: Resolver) -> str:
    if value is ABSENT:
        return "(none)"
    value = _concealed(value, any(isinstance(part, str) and is_secret(part) for part in difference.place))
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = " ".join(resolver.hidden(text).split())
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _concealed(value: Any, secret: bool) -> Any:
    """The value without what stands under a name that sounds secret."""
    match value:
        case dict():
            return {key: _concealed(below, secret or is_secret(key)) for key, below in value.items()}
        case list() | tuple():
            return [_concealed(below, secret) for below in value]
        case str() if secret and value:
            return HIDDEN
        case _:
            return value


def _difference_json(difference: Difference, resolver: Resolver) -> dict[str, Any]:
    old, new = (_shown(difference, value, resolver) for value in (difference.old, difference.new))
    return {"field": difference.field, "old": old, "new": new}
