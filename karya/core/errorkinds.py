"""What errors have in common that differ in an id, a date or a long number alone."""

import re

LONGEST = 120
"""Characters of a kind."""

HEAD = 200
"""Of so many characters at the start of an error its kind is told."""

_SINGULAR = (
    r"(?<![0-9A-Za-z])(?:"
    r"(?=[0-9A-Fa-f-]*[0-9])[0-9A-Fa-f-]{8,}"  # an id, or a date
    r"|[0-9]{4,}"  # a number longer than that of a status
    r")"
)
ENDS = rf"[\r\n]|{_SINGULAR}"
"""Where the kind of an error ends at the latest, for a database that is to put most errors together."""

_singular = re.compile(_SINGULAR)


def kind_of(error: str) -> str:
    """The start of an error, up to the first thing in its first line that others of the same kind have not:
    an id, a date, a number of four digits or more, or what cannot be printed. Who searches for it finds all
    of the kind. An error that begins with such a thing is a kind of its own."""
    text = error.strip()
    line = text.splitlines()[0] if text else ""
    line = "".join(c if c.isprintable() else "\n" for c in line).partition("\n")[0].strip()
    found = _singular.search(line)
    head = line[: found.start()].rstrip(" '\"(#:=-") if found else line
    return (head or line)[:LONGEST].rstrip()
