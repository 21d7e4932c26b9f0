"""Tables: drawn on a terminal, tab-separated lines anywhere else."""

import sys

__all__ = ["show_table"]


def show_table(title, columns, rows):
    """Prints a table to standard output.

    Args:
        title: What the table shows.
        columns: The names of the columns.
        rows: Lists of values, one a column.
    """
    rows = [["" if value is None else str(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        print(f"# {title}")
        for row in (columns, *rows):
            print("\t".join(row))
        print()
        return
    import rich.box
    import rich.console
    import rich.markup
    import rich.table

    table = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(rich.markup.escape, row))
    rich.console.Console(highlight=False).print(table)
