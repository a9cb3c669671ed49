"""What all views have in common."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Base of all of them."""

    model_config = ConfigDict(frozen=True)
