"""Which fields a model has at a place inside it: what may be written where somebody wrote another name."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

_DISCRIMINATORS = ("kind", "type")


def unknown(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """What to say of the field at `loc`, as pydantic names it, which the model does not have there: which one
    was perhaps meant, else all that there are."""
    found = [model]
    for part in loc[:-1]:
        found = [one for annotation in _below(found, part) for one in _models(annotation)]
    names = [name for one in found for name in _fields(one)]
    if close := get_close_matches(str(loc[-1]), names, n=1):
        return f"unknown field; did you mean {close[0]}?"
    return f"unknown field; there are: {', '.join(names)}" if names else "unknown field"


def _below(models: Sequence[type[BaseModel]], part: int | str) -> list[Any]:
    """What may stand at this part of a path: items are all alike, and a tag chooses among several models."""
    if isinstance(part, int) or not models:
        return list(models)
    if len(models) > 1:
        return [one for one in models if part in _tags(one)]
    return [_fields(models[0])[part]] if part in _fields(models[0]) else []


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The annotation of each field, by the name that clients write."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _tags(model: type[BaseModel]) -> Iterator[str]:
    for name in _DISCRIMINATORS:
        if name in model.model_fields:
            yield from get_args(model.model_fields[name].annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in it, be it one, a union or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType, tuple, list):
        for inner in get_args(annotation):
            yield from _models(inner)
