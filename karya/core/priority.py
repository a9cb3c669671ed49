"""In which order the tasks of one user start when there are more than can."""

from typing import Annotated

from pydantic import Field

DEFAULT_PRIORITY, HIGHEST_PRIORITY = 5, 9

Priority = Annotated[int, Field(ge=0, le=HIGHEST_PRIORITY)]
"""0 to 9; the highest starts first."""
