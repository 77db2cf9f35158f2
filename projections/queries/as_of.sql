-- $1 regency → the moment that the other answers of this snapshot speak of.
select regency, election, events, persons from checkpoint where regency = $1
