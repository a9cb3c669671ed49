"""The form of a job: from its fields to what a client would send, and back.

Fields are named like those of the API, so that an error finds the field that it is about.
"""

from karya.api.pages.forms.fields import Values, blank, fields, sent
from karya.api.pages.forms.filling import changes, filled, slim, wire_of
from karya.api.pages.forms.placing import placed
from karya.api.pages.forms.reading import Written, written

__all__ = [
    "Values",
    "Written",
    "blank",
    "changes",
    "fields",
    "filled",
    "placed",
    "sent",
    "slim",
    "wire_of",
    "written",
]
