"""Where in the user's own code something went wrong."""

import asyncio
import importlib
import traceback
from itertools import dropwhile
from pathlib import Path
from traceback import FrameSummary

_FIRST, _LAST = 2, 3
"""How many lines of a long way are kept: the user's own stand at its beginning, the cause at its end."""
_MOST_CHARACTERS = 240
_FOLDERS = (Path(__file__).parents[2], Path(importlib.__file__).parent, Path(asyncio.__file__).parent)
_LEADING_IN = ("<frozen importlib", *(f"{folder}/" for folder in _FOLDERS))


def trace_of(error: BaseException) -> str:
    """The lines from the user's code down to the error, the outermost first, each on a line of its own. Those
    by which Karya came there are left out; none where the error is not of the user's code at all."""
    frames = list(dropwhile(_leads_in, traceback.extract_tb(error.__traceback__)))
    if len(frames) <= _FIRST + _LAST:
        return "".join(map(_line, frames))
    left_out = f"\n  … {len(frames) - _FIRST - _LAST} more"
    return "".join([*map(_line, frames[:_FIRST]), left_out, *map(_line, frames[-_LAST:])])


def _leads_in(frame: FrameSummary) -> bool:
    """Whether this is Karya's own, or what it calls to import a module or to run a coroutine."""
    return frame.filename.startswith(_LEADING_IN)


def _line(frame: FrameSummary) -> str:
    return f"\n  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"[:_MOST_CHARACTERS]
