-- → every regency that is projected here.
select regency, election, events, persons from checkpoint order by regency
