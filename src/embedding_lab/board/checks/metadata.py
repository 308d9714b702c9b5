"""Checks of the Projector's tables of samples: labels at the wrong points, cells that break the page."""

from __future__ import annotations

from collections.abc import Iterator

from embedding_lab.board.checks.entry_mends import take_file_out, write_metadata
from embedding_lab.board.checks.finding import Finding, Mend
from embedding_lab.board.checks.logdir import LogDir
from embedding_lab.board.checks.meant import points_of_entries
from embedding_lab.board.checks.metadata_files import Metadata, looks_like_number, read_metadata
from embedding_lab.board.checks.projector_files import Entry
from embedding_lab.board.checks.tensor_files import MOST_ROWS
from embedding_lab.board.metadata import MOST_COLOURS

NOTHING = "(none)"


def check_metadata(logdir: LogDir) -> Iterator[Finding]:
    """Tables of samples that do not fit their points, or that the page stumbles over."""
    for entry, points in points_of_entries(logdir):
        path = entry.meant("metadata")
        if path is None:
            continue
        try:
            table = read_metadata(path)
        except OSError:
            continue
        rows = min(points, MOST_ROWS)
        for judge in (_encoding, _counts, _cells, _colours):
            found = [each for each in judge(entry, table, rows) if each]
            yield from found
            if any(each.severity == "error" for each in found):
                break  # what follows from it would only repeat it


def _encoding(entry: Entry, table: Metadata, rows: int) -> Iterator[Finding]:
    if not table.utf8:
        yield _finding(
            "metadata-not-utf8",
            entry,
            "its table of samples is not in UTF-8, so the page gets an error in its place",
            rule="text in UTF-8",
            remedy="Write it in UTF-8; --fix reads it as Latin-1.",
            mend=write_metadata(entry, list(table.lines)),
        )
    elif table.returns:
        yield _finding(
            "metadata-returns",
            entry,
            "its table has carriage returns, which become a part of the last column, or lines of their own",
            rule="lines end in a newline alone",
            remedy="Write it with newlines alone.",
            mend=write_metadata(entry, [line.replace("\r", " ") for line in table.lines]),
        )


def _counts(entry: Entry, table: Metadata, rows: int) -> Iterator[Finding]:
    count = len(table.rows)
    if count >= rows and count == len(table.lines) - int(table.header) and (count == rows or rows == MOST_ROWS):
        return
    blank = len(table.lines) - len(table.filled)
    if not table.header and count == rows + 1:
        yield _mismatch(
            "metadata-header",
            entry,
            table,
            rows,
            "it has a single column and a header, which the page takes for a sample, and refuses the table",
            "Take the header out: a single column has none.",
            write_metadata(entry, list(table.filled[1:])),
        )
    elif table.header and count == rows - 1 and not blank:
        names = "\t".join(f"column {number + 1}" for number in range(len(table.names)))
        yield _mismatch(
            "metadata-header",
            entry,
            table,
            rows,
            "it has several columns and no header, so the page takes the first sample for one, and refuses it",
            "Put a line with the columns' names before the first.",
            write_metadata(entry, [names, *table.filled]),
        )
    elif blank and count + blank == rows:
        width = len(table.names)
        filled = [line if line.strip() else "\t".join([NOTHING] * width) for line in table.lines]
        yield _mismatch(
            "metadata-blank-lines",
            entry,
            table,
            rows,
            "the page drops its blank lines, so all labels behind one belong to the wrong points",
            f"Write {NOTHING} where there is nothing.",
            write_metadata(entry, filled),
        )
    elif count != rows:
        yield _mismatch(
            "metadata-count",
            entry,
            table,
            rows,
            "it describes another number of samples than there are points, so labels may belong to the wrong ones",
            "Write one line per point, in the same order; --fix takes the table out.",
            take_file_out(entry, "metadata"),
        )


def _cells(entry: Entry, table: Metadata, rows: int) -> Iterator[Finding]:
    broken = [name for at, name in enumerate(table.names) if _has_holes(table.column(at))]
    unnamed = [at for at, name in enumerate(table.names) if not name.strip()]
    if not broken and not unnamed:
        return
    width = len(table.names)
    header = [name if name.strip() else f"column {at + 1}" for at, name in enumerate(table.names)]
    numeric = [not _has_holes(table.column(at)) for at in range(width)]
    filled = [
        "\t".join(
            (row[at] if at < len(row) and row[at].strip() else "" if numeric[at] else NOTHING)
            for at in range(width)
        )
        for row in table.rows
    ]
    yield _finding(
        "metadata-empty-cells",
        entry,
        'its table has empty cells or short lines; labelling or searching by such a column stops with "Cannot read '
        "properties of null (reading 'toString')\"",
        got=f"in {', '.join(repr(name) for name in broken[:5]) or 'the header'}",
        rule="every cell of a column of text holds something",
        remedy=f"Write {NOTHING} where there is nothing.",
        mend=write_metadata(entry, ["\t".join(header), *filled] if table.header else filled),
    )


def _has_holes(cells: list[str]) -> bool:
    """Empty cells among text; among numbers they only lose their colour."""
    return any(not cell.strip() for cell in cells) and not all(
        looks_like_number(cell) for cell in cells if cell.strip()
    )


def _colours(entry: Entry, table: Metadata, rows: int) -> Iterator[Finding]:
    columns = {name: table.column(at) for at, name in enumerate(table.names)}
    texts = {name: set(cells) for name, cells in columns.items() if not all(map(looks_like_number, cells))}
    usable = [name for name in columns if name not in texts or len(texts[name]) <= MOST_COLOURS]
    many = {name: len(values) for name, values in texts.items() if len(values) > MOST_COLOURS}
    if many and not usable:
        name = min(many, key=lambda each: many[each])
        yield Finding(
            "too-many-classes",
            "note",
            "Projector",
            f"{entry.name!r}: the points cannot be coloured by {name!r}.",
            run=entry.file.run,
            file=entry.meant("metadata"),
            got=f"{many[name]:,} different values",
            rule=f"a column of text has at most {MOST_COLOURS} different values; numbers become a gradient",
            remedy="Add a column with the number of the class.",
            mend=write_metadata(entry, _numbered(table, name)) if many[name] < rows == len(table.rows) else None,
        )


def _numbered(table: Metadata, name: str) -> list[str]:
    """The table with a column more: which of a column's values it is, in the order of the alphabet."""
    cells = table.column(table.names.index(name))
    numbers = {value: str(number) for number, value in enumerate(sorted(set(cells)))}
    rows = ["\t".join([*row, numbers[cell]]) for row, cell in zip(table.rows, cells, strict=True)]
    return ["\t".join([*table.names, f"{name} number"]), *rows]


def _finding(
    name: str, entry: Entry, what: str, *, rule: str = "", got: str = "", remedy: str = "", mend: Mend | None = None
) -> Finding:
    return Finding(
        name,
        "error",
        "Projector",
        f"{entry.name!r}: {what}.",
        run=entry.file.run,
        file=entry.meant("metadata"),
        got=got,
        rule=rule,
        remedy=remedy,
        mend=mend,
    )


def _mismatch(name: str, entry: Entry, table: Metadata, rows: int, what: str, remedy: str, mend: Mend) -> Finding:
    got = f"{len(table.rows):,} lines of samples for {rows:,} points"
    rule = "one line per point, none blank; a header where there are several columns, none where there is one"
    return _finding(name, entry, what, rule=rule, got=got, remedy=remedy, mend=mend)
