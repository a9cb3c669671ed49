"""What a browser would send of the form of a page."""

from html.parser import HTMLParser


class HtmlForm(HTMLParser):
    """The fields of the form with this id, in the state in which the page shows them; and all ids."""

    def __init__(self, html: str, form_id: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.ids: list[str] = []
        self._form_id, self._inside = form_id, False
        self._select: str | None = None
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if ident := given.get("id"):
            self.ids.append(ident)
        name, value = given.get("name"), given.get("value")
        if tag == "form":
            self._inside = given.get("id") == self._form_id
        elif not self._inside:
            return
        elif tag == "input" and name and (given.get("type") != "radio" or "checked" in given):
            self.fields[name] = value or ""
        elif tag == "textarea" and name:
            self._area, self.fields[name] = name, ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select:
            self._option(value, "selected" in given)

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data
        elif self._select and self.fields.get(self._select) == _BY_TEXT:
            self.fields[self._select] = data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._inside = False
            case "textarea" if self._area:
                # A line break right behind the tag is not part of it.
                self.fields[self._area] = self.fields[self._area].removeprefix("\n")
                self._area = None
            case "select":
                self._select = None

    def _option(self, value: str | None, selected: bool) -> None:
        assert self._select is not None
        if selected or self._select not in self.fields:
            self.fields[self._select] = _BY_TEXT if value is None else value


_BY_TEXT = "\0"
