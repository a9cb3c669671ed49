"""What a python action may hold."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from karya.core.action import Action
from karya.core.json_fields import bounded_body
from karya.core.text import Shaped

CONTEXT_NAME = "karya_context"
"""The parameter by which a function asks for what Karya knows about the attempt."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = rf"{_NAME}(\.{_NAME})*"

FunctionName = Annotated[
    str,
    Field(max_length=500),
    Shaped(rf"{_DOTTED}:{_DOTTED}", "write package.module:function, such as reports:daily"),
]
"""`package.module:name`, or `package.module:Class.method`."""
ResourceName = Annotated[str, Shaped(_NAME, "a resource has letters, digits and _, and begins with no digit")]
Amount = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


def _not_ours(kwargs: dict[str, Any]) -> dict[str, Any]:
    if CONTEXT_NAME in kwargs:
        raise ValueError(f"{CONTEXT_NAME} is what Karya itself gives to a function that has such a parameter")
    return kwargs


class Resources(BaseModel):
    """What the function takes of a machine while it runs, in the terms of Ray: it waits until a machine of
    the cluster has as much to spare. These are figures to plan with, and nothing enforces them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    num_cpus: Amount = 1
    num_gpus: Amount = 0
    memory: Annotated[int, Field(ge=0, le=1 << 50)] | None = None
    """Bytes."""
    custom: Annotated[dict[ResourceName, Amount], Field(max_length=20)] = {}


class PythonAction(Action):
    """One call of a function, sync or async. Success is that it returns; what it returns, as JSON, is the
    result. Arguments are JSON."""

    type: Literal["python"] = "python"
    function: FunctionName
    args: Annotated[tuple[Any, ...], Field(max_length=100), AfterValidator(bounded_body)] = ()
    kwargs: Annotated[
        dict[str, Any],
        Field(max_length=100, default_factory=dict),
        AfterValidator(bounded_body),
        AfterValidator(_not_ours),
    ]
    resources: Resources = Resources()
    runtime_env: Annotated[dict[str, Any], AfterValidator(bounded_body)] | None = None
    """The environment it runs in (Ray's `runtime_env`), if the settings let jobs have their own."""

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.function.partition(":")[0]
