"""How two jobs differ, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = object()
"""What stands for a value that one of the two does not have."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: `old` and `new`, of which one may be ABSENT."""

    place: tuple[str | int, ...]
    old: Any
    new: Any

    @property
    def field(self) -> str:
        """Its dotted path."""
        return ".".join(map(str, self.place))


def differences(old: Any, new: Any, place: tuple[str | int, ...] = ()) -> Iterator[Difference]:
    """The smallest parts in which two values differ; none at all exactly when they are equal as JSON."""
    if _same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), (*place, key))
    elif _is_list(old) and _is_list(new) and old and new:
        for number in range(max(len(old), len(new))):
            yield from differences(_item(old, number), _item(new, number), (*place, number))
    else:
        yield Difference(place, old, new)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level fields in which `new` differs, as an update gives them: None sets one back."""
    fields = dict.fromkeys(difference.place[0] for difference in differences(old, new))
    wanted = {str(field): new.get(str(field)) for field in fields}
    for way, other in (("action", "steps"), ("steps", "action")):
        if way in new and other in wanted and other not in new:
            del wanted[other]  # giving the one takes the other away
    return wanted


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _item(values: Sequence[Any], number: int) -> Any:
    return values[number] if number < len(values) else ABSENT


def _same(old: Any, new: Any) -> bool:
    """Equal as JSON: to Python, True is 1."""
    if isinstance(old, bool) is not isinstance(new, bool):
        return False
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if _is_list(old) and _is_list(new):
        return len(old) == len(new) and all(map(_same, old, new))
    return bool(old == new)
