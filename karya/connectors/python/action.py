"""What a python action may hold."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from karya.core.action import Action
from karya.core.asking import SELDOM
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

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    num_cpus: Annotated[Amount, Field(title="CPUs")] = 1
    num_gpus: Annotated[Amount, Field(title="GPUs")] = 0
    memory: Annotated[int, Field(ge=0, le=1 << 50)] | None = None
    """Bytes."""
    custom: Annotated[dict[ResourceName, Amount], Field(max_length=20)] = {}
    """Amounts of what the cluster calls by names of its own."""


class PythonAction(Action):
    """One call of a function, sync or async. Success is that it returns; what it returns, as JSON, is the
    result. Arguments are JSON."""

    model_config = ConfigDict(title="Python function")

    type: Literal["python"] = "python"
    function: Annotated[FunctionName, Field(examples=["reports:daily"])]
    """`package.module:function`; the workers must have the package."""
    args: Annotated[
        tuple[Any, ...],
        Field(max_length=100, title="Arguments", examples=[["monday", 7]]),
        AfterValidator(bounded_body),
    ] = ()
    """By position: JSON, or texts."""
    kwargs: Annotated[
        dict[str, Any],
        Field(max_length=100, default_factory=dict, title="Named arguments", examples=[{"day": "monday"}]),
        AfterValidator(bounded_body),
        AfterValidator(_not_ours),
    ]
    """By name: JSON, or texts."""
    resources: Resources = Resources()
    runtime_env: Annotated[
        Annotated[dict[str, Any], AfterValidator(bounded_body)] | None,
        Field(title="Runtime environment", examples=[{"pip": ["humanize"]}], json_schema_extra=SELDOM),
    ] = None
    """The environment it runs in (Ray's `runtime_env`), if the settings let jobs have their own."""

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.function.partition(":")[0]
