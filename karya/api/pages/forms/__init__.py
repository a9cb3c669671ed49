"""The form of a job: from its fields to what a client would send, and back.

Fields are named like those of the API, so that an error finds the field that it is about.
"""

from karya.api.pages.forms.changing import changed
from karya.api.pages.forms.fields import blank, places, sent
from karya.api.pages.forms.filling import as_json, changes, filled, slim, wire_of
from karya.api.pages.forms.kinds import Kinds
from karya.api.pages.forms.labels import label_of
from karya.api.pages.forms.parts import LISTS, Values, numbers
from karya.api.pages.forms.placing import placed
from karya.api.pages.forms.reading import Written, written

__all__ = [
    "LISTS",
    "Kinds",
    "Values",
    "Written",
    "as_json",
    "blank",
    "changed",
    "changes",
    "filled",
    "label_of",
    "numbers",
    "placed",
    "places",
    "sent",
    "slim",
    "wire_of",
    "written",
]
