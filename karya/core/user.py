"""Who owns jobs."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from karya.core.text import printable
from karya.core.times import Instant


class UserSpec(BaseModel):
    """A user as a client writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(printable)
    ]


class User(BaseModel):
    """A stored user; names are unique."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    created_at: Instant
