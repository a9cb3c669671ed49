"""Functions for python actions: the tests allow this module, and `tests.support.actions` is another one."""

import asyncio
import os
import time
from collections.abc import Mapping
from os import path  # a module that is not allowed, within one that is
from pathlib import Path
from typing import Any

import karya
from tests.support.actions import Actions  # defined elsewhere

__all__ = ["Actions", "path"]

NUMBER = 7


class Odd(Exception):
    """Cannot be made again from its arguments, so it cannot be unpickled."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} is not {right}")


class Calculator:
    @staticmethod
    def double(number: int) -> int:
        return 2 * number


def add(left: int, right: int = 1) -> dict[str, int]:
    return {"sum": left + right}


async def add_later(left: int, right: int) -> int:
    await asyncio.sleep(0)
    return left + right


def told(name: str, karya_context: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, **karya_context}


def keywords(**others: Any) -> list[str]:
    return sorted(others)


def odd() -> None:
    raise Odd(1, 2)


async def odd_later() -> None:
    raise Odd(3, 4)


@karya.task
def odd_task() -> None:
    odd()


@karya.task
async def odd_later_task() -> None:
    await odd_later()


@karya.task
def deep() -> None:
    down(9)


def down(further: int) -> None:
    if further:
        down(further - 1)
    raise Odd(5, 6)


def leave() -> None:
    raise SystemExit(3)


def returned(kind: str) -> Any:
    return {"set": {1}, "large": "x" * 100_000, "text": "ü", "nothing": None}[kind]


def die() -> None:
    os._exit(1)


def die_at_first(seen: str) -> str:
    """Kills its process on the first call, and returns on the second."""
    try:
        Path(seen).touch(exist_ok=False)
    except FileExistsError:
        return "alive"
    os._exit(1)


def pid_of_stuck(file: str, stubborn: bool = False) -> None:
    """Writes the id of its process to a file and stays for a minute, whatever interrupts a stubborn one."""
    Path(file).write_text(str(os.getpid()))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            if not stubborn:
                raise
