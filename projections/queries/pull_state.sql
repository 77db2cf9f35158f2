-- $1 regency → the moment that a page of a pull speaks of, and the build of the roll that its cursor belongs to.
select regency, election, events, event_hash, persons, registry, revision, generation from checkpoint where regency = $1
