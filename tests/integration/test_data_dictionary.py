"""docs/DATA_DICTIONARY.md is what the database says of itself, to whoever asks it in SQL."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres_schema import prepare

PAGE = Path(__file__).parents[2] / "docs" / "DATA_DICTIONARY.md"
HEAD = """# Data dictionary

What can be asked in SQL. This page is made from the schema's own comments, which `\\d+` shows too: whoever changes a
comment writes the page anew, with `ECOKLIT_WRITE_DOCS=1` and the test that holds it.

The role `ecoklit_analyst` selects from the views that say so and from nothing else; it cannot write. A person's login,
which is given that role (`ecoklit account sql`), sees the rows of its areas, and none without any. Identity numbers are
shown with six digits.
"""
COLUMNS = """
select c.relname as view, obj_description(c.oid) as about, a.attname as name,
    format_type(a.atttypid, a.atttypmod) as type, col_description(c.oid, a.attnum) as said,
    has_table_privilege('ecoklit_analyst', c.oid, 'select') as is_open
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = $1::regnamespace and c.relkind = 'v'
order by c.relname collate "C", a.attnum
"""


def page_of(columns: list[asyncpg.Record]) -> str:
    """The page: a table of columns for each view, those that analysts may read first."""
    parts, view = [HEAD], None
    for column in sorted(columns, key=lambda column: not column["is_open"]):
        if column["view"] != view:
            view = column["view"]
            who = "`ecoklit_analyst`" if column["is_open"] else "the service alone"
            parts.append(
                f"\n## {view}\n\n{column['about']} Read by {who}.\n\n| column | type | what it is |\n|---|---|---|\n"
            )
        said = column["said"].replace("|", "\\|")
        parts.append(f"| `{column['name']}` | {column['type']} | {said} |\n")
    return "".join(parts)


async def test_the_dictionary_is_what_the_schema_says(postgres_server: EmbeddedPostgres, schema: str) -> None:
    """Every view and column of a new database stands in the page, with its type, its comment and who may read it."""
    connection = await asyncpg.connect(postgres_server.dsn)
    try:
        await prepare(connection, schema)
        columns = await connection.fetch(COLUMNS, schema)
    finally:
        await connection.close()
    page = page_of(columns)
    if os.environ.get("ECOKLIT_WRITE_DOCS") == "1":
        PAGE.write_text(page)
    assert PAGE.read_text() == page
