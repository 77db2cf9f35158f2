-- $1 regency → where to go on.
select election, events, event_hash, persons from checkpoint where regency = $1
