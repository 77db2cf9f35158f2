"""Python for analysts: every list as a frame, in one line.

    import ecoklit.analyst

    lists = ecoklit.analyst.connect("postgresql://rina:...@db.example/ecoklit")  # a login of `ecoklit account sql`
    lists = ecoklit.analyst.connect("https://coklit.example", token="...")       # or the service, with a token

    lists.recap("94.04")                      # a Polars frame
    lists.recap("94.04").to_pandas()          # pandas
    voters = lists.voters("94.04.01.2001.001")
    duckdb.sql("select sex, count(*) from voters group by sex")

Both doors give the same rows, of the account's own areas, with identity numbers masked. `lists.as_of` says which moment
the last answer speaks of. Polars comes with the extra: pip install 'ecoklit[analyst]'.
"""

from ecoklit.analyst.lists import Lists, connect

__all__ = ["Lists", "connect"]
