-- $1 regency → where to go on.
select election, events, event_hash, persons, registry, registry_hash, revision from checkpoint where regency = $1
