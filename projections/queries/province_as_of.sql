-- $1 province (2 digits) → the moments of its regencies that are projected here, by code.
select regency, election, events, persons from checkpoint where starts_with(regency, $1) order by regency
