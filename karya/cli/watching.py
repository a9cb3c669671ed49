"""One look, or one after the other (`--watch`)."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from time import sleep
from typing import Annotated, TypeVar

import typer
from rich.live import Live
from rich.text import Text

from karya.cli.output import note, out, say_json, say_json_line
from karya.core.errors import Unavailable

Watch = Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")]
Every = Annotated[float, typer.Option("--every", min=0.1, help="With --watch: seconds between two looks.")]
EVERY = 2.0

Seen = TypeVar("Seen")
Look = Callable[[], Seen]
Show = Callable[[Seen], None]
Until = Callable[[Seen], bool]


def shown(
    look: Look[Seen],
    show: Show[Seen],
    *,
    as_json: bool,
    watch: bool = False,
    every: float = EVERY,
    until: Until[Seen] = lambda _: False,
) -> Seen:
    """Looks and shows, over and over with `watch`, until something is seen; returns what was seen last: what
    JSON can say.

    With `as_json` and `watch` each look is one line. On a terminal each takes the place of the one before.
    Who is there at the first look is waited for when it does not answer later.
    """
    if not watch:
        seen = look()
        (say_json if as_json else show)(seen)
        return seen
    if as_json:
        return _repeated(look, say_json_line, every, until)
    if not out.is_terminal:
        return _repeated(look, show, every, until)
    with Live(console=out, auto_refresh=False) as screen:
        return _repeated(
            look, lambda seen: screen.update(Text(_text(show, seen)), refresh=True), every, until
        )


def _repeated(look: Look[Seen], show: Show[Seen], every: float, until: Until[Seen]) -> Seen:
    seen = look()
    while True:
        show(seen)
        if until(seen):
            return seen
        sleep(every)
        seen = _next(look, every)


def _next(look: Look[Seen], every: float) -> Seen:
    """What is seen as soon as somebody answers."""
    is_away = False
    while True:
        try:
            return look()
        except Unavailable as error:
            if not is_away:
                note(f"karya: {error}; looking again")
            is_away = True
            sleep(every)


def _text(show: Show[Seen], seen: Seen) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):  # remarks are a part of the look
        show(seen)
    return printed.getvalue().rstrip("\n")
