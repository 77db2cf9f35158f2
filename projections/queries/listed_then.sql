-- $1 regency, $4 voters and their particulars as one JSON array → them as rows of listed_voter: under that name, duplicates.sql
-- reads them in its place.
select $1::text as regency, l.*
from json_to_recordset($4::json) as l (
    voter uuid, tps text, nik text, nkk text, birth_date text, sex text, name text
)
