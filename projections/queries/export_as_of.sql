-- $1 regency → the moment that the rows of this snapshot speak of, and the registry position that they were judged by.
select regency, election, events, persons, registry from checkpoint where regency = $1
