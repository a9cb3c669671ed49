"""The small pieces of HTML that stand in every row. As macros of the templates they took a quarter of the
time of a page. What users wrote is escaped here; an instant in our own writing has nothing to escape, and
`Markup.format` would take ten times as long for it."""

from datetime import datetime
from functools import cache

from markupsafe import Markup

from karya.api.pages.text import ago, instant, machine, wall

SHAPES = {
    "ACTIVE": "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3Z",
    "PAUSED": "M4 3h3v10H4ZM9 3h3v10H9Z",
    "COMPLETED": "M6.4 12.6 2.2 8.4l1.5-1.5 2.7 2.7 5.9-5.9 1.5 1.5Z",
    "SUCCEEDED": "M6.4 12.6 2.2 8.4l1.5-1.5 2.7 2.7 5.9-5.9 1.5 1.5Z",
    "CANCELLED": (
        "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z"
        "m0 2c.8 0 1.5.2 2.1.6L4.600 10.100A4 4 0 0 1 8 4Z"
        "m0 8c-.8 0-1.500-.2-2.100-.6l5.500-5.500A4 4 0 0 1 8 12Z"
    ),
    "READY": "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z",
    "BLOCKED": "M3 3h10v10H3Zm2 2v6h6V5Z",
    "RUNNING": "M4 2.500 13 8l-9 5.500Z",
    "DEAD": (
        "m4.100 2.700 3.900 3.900 3.900-3.900 1.400 1.400L9.400 8l3.900 3.900-1.400 1.400"
        "L8 9.400l-3.900 3.900-1.400-1.400L6.600 8 2.700 4.100Z"
    ),
    "SKIPPED": "M2 3.500 7.500 8 2 12.500ZM8 3.500 13.500 8 8 12.500Z",
}
"""The paths of the marks of states, which differ by shape and not by colour alone."""

WORDS = {"DEAD": "dead letter"}

_STATE = Markup(
    '<span class="state state-{}"><svg class="mark" viewBox="0 0 16 16" aria-hidden="true">'
    '<path d="{}"/></svg>{}</span>'
)
_NEVER = Markup('<span class="muted">–</span>')
_KIND = Markup('<span class="badge badge-{}">{}</span>')


@cache
def state(name: str) -> Markup:
    """A state of a job or a task, with its mark."""
    return _STATE.format(name.lower(), SHAPES[name], word(name))


def word(name: str) -> str:
    """What a state is called."""
    return WORDS.get(name, name.lower())


def when(at: datetime | None, now: datetime | None = None) -> Markup:
    """An instant, and beside it how far away it is; a dash where there is none."""
    if at is None:
        return _NEVER
    beside = "" if now is None else f' <span class="muted">{away(at, now)}</span>'
    return _ours(f'<time datetime="{machine(at)}">{instant(at)}</time>{beside}')


def coming(at: datetime, zone: str, now: datetime) -> Markup:
    """An instant of a schedule in the timezone of that; UTC where a pointer rests on it."""
    shown = f'<time datetime="{machine(at)}" title="{instant(at)}">{wall(at, zone)}</time>'
    return _ours(f'{shown} <span class="muted away">{away(at, now)}</span>')


def moment(at: datetime | None, now: datetime) -> Markup:
    """How far away an instant is, with itself where a pointer rests on it; a dash where there is none."""
    if at is None:
        return _NEVER
    written = machine(at)
    title = instant(at)
    return _ours(f'<time datetime="{written}" title="{title}" data-away="{written}">{ago(at, now)}</time>')


def away(at: datetime, now: datetime) -> Markup:
    """How far away an instant is; the script of the page keeps it true."""
    return _ours(f'<span data-away="{machine(at)}">{ago(at, now)}</span>')


def kind(name: str) -> Markup:
    """What a task waits for, in a word."""
    return _KIND.format(name.replace("_", "-"), name.replace("_", " "))


def _ours(html: str) -> Markup:
    """HTML with nothing in it but our own writing."""
    return Markup(html)  # noqa: S704
