"""Tables: ids stay whole, texts of any length fold, and one head stands over however many pages come."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from karya.cli.output import in_line, note, out

_WIDEST = 1000
_FOLDED = 12  # how narrow a column gets that folds
_LONG = ("error", "name", "description", "action")
_NUMBERS = ("attempt", "attempts", "late (ms)")

Row = Sequence[str]


def show_rows(columns: Row, rows: Iterable[Row], none: str) -> None:
    """Rows as a table; where there are none, a note that says so."""
    if found := list(rows):
        PagedTable(columns).show(found)
    else:
        note(none)


class PagedTable:
    """A table that comes page by page: the head stands over the first, which says how wide the columns are;
    what is to stay whole and does not fit makes its column wider from there on."""

    def __init__(self, columns: Row) -> None:
        self._columns = columns
        self._widths: Sequence[int] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Prints the next page, which has a row at least."""
        table = make_table(*self._columns)
        for row in rows:
            table.add_row(*map(in_line, row))
        if self._widths:
            self._fit(table)
            print_table(table)
        else:
            heads = [_Head(name) for name in self._columns]
            for column, head in zip(table.columns, heads, strict=True):
                column.header = head
                column.min_width = column.min_width or _widest(column)
            print_table(table)
            self._widths = [head.width for head in heads]

    def _fit(self, table: Table) -> None:
        """Under the head that stands there already."""
        table.show_header = False
        for column, width in zip(table.columns, self._widths, strict=True):
            column.width = max(width, _widest(column)) if column.no_wrap else width
        self._widths = [column.width or 0 for column in table.columns]


def _widest(column: Column) -> int:
    """What this column takes if everything in it is to stay whole."""
    return max(cell_len(str(text)) for text in (column.header, *column.cells))


class _Head:
    """The head of a column, which learns how wide the column became."""

    def __init__(self, name: str) -> None:
        self._text = Text(name)
        self.width = 0

    def __str__(self) -> str:
        return self._text.plain

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.width = options.max_width
        yield self._text


def make_table(*columns: str) -> Table:
    """A table without lines; columns that hold a text of any length fold, the others stay whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        long = column in _LONG
        side: JustifyMethod = "right" if column in _NUMBERS else "left"
        least = _FOLDED if long else None
        table.add_column(column, no_wrap=not long, overflow="fold", justify=side, min_width=least)
    return table


def print_table(table: Table) -> None:
    """With ids as a whole, whatever the width of the terminal: they are copied from here."""
    least = Measurement.get(out, out.options.update(max_width=_WIDEST), table).minimum
    fits = least <= out.width
    console = out if fits else Console(highlight=False, markup=False, emoji=False, width=least)
    console.print(table)
