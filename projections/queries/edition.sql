-- $1 regency → which build of the roll this is, and the number of its last step.
select generation, revision from checkpoint where regency = $1
