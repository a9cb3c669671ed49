"""Models made of what was checked before."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from pydantic import BaseModel

P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)


def unchecked(model: Callable[P, M]) -> Callable[P, M]:
    """The constructor of a frozen model, for values that have the types of its fields: a job is made of a
    spec whose every field was checked, and to check them again costs more than all else about it.

    `model_construct` does the same and is slower than checking. Defaults are shared between the models. That
    no field is forgotten, the type checker sees.
    """
    kind = cast("type[M]", model)
    blank = {
        name: None if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
    }
    new, put = kind.__new__, object.__setattr__

    def made(**fields: Any) -> M:
        values = blank.copy()
        values.update(fields)
        entity = new(kind)
        put(entity, "__dict__", values)
        put(entity, "__pydantic_fields_set__", {*fields})
        put(entity, "__pydantic_extra__", None)
        put(entity, "__pydantic_private__", None)
        return entity

    return cast("Callable[P, M]", made)
