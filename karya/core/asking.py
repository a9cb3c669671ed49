"""What a field of an action tells those who fill it in by hand, besides its title, description and examples:
keywords of its JSON schema, for `Field(json_schema_extra=…)`. The form of the web page is made from them."""

from typing import Final

from pydantic.config import JsonDict

SELDOM_KEY: Final = "x-karya-seldom"
LONG_KEY: Final = "contentMediaType"

SELDOM: Final[JsonDict] = {SELDOM_KEY: True}
"""Most actions do without it: it stands behind the others."""

LONG: Final[JsonDict] = {LONG_KEY: "text/plain"}
"""A text of several lines."""

LONG_HTML: Final[JsonDict] = {LONG_KEY: "text/html", SELDOM_KEY: True}
"""The same as HTML, which few write by hand."""
