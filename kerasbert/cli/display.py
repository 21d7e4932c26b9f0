"""Tables, drawn on a terminal and tab-separated elsewhere."""

import sys

__all__ = ["show_table"]


def show_table(title, columns, rows, optional=()):
    """Prints a table to standard output."""
    rows = [["" if value is None else str(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _draw(title, list(columns), rows, list(optional))
        return
    print(f"# {title}")
    for row in (columns, *rows):
        print("\t".join(row))
    print()


def _draw(title, columns, rows, optional):
    import rich.console
    import rich.text

    console = rich.console.Console(highlight=False)
    unlimited = console.options.update_width(10_000)

    def fits(table):
        return console.measure(table, options=unlimited).maximum <= console.width

    table, left_out = _table(columns, rows), []
    while optional and not fits(table):
        left_out.append(optional.pop(0))
        index = columns.index(left_out[-1])
        columns.pop(index)
        rows = [row[:index] + row[index + 1 :] for row in rows]
        table = _table(columns, rows)
    if left_out:
        title += f" (a wider terminal shows: {', '.join(left_out)})"
    console.print(rich.text.Text(title, style="bold"))
    console.print(table)


def _table(columns, rows):
    import rich.box
    import rich.table
    import rich.text

    table = rich.table.Table(box=rich.box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(rich.text.Text, row))
    return table
