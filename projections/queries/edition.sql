-- $1 regency → the moment that the other answers of this snapshot speak of; which build of the roll this is, and the number of
-- its last step.
select regency, election, events, persons, generation, revision from checkpoint where regency = $1
