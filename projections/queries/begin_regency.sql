-- $1 regency, $2 election: the checkpoint before the first event, of a new generation.
insert into checkpoint (regency, election, events, event_hash, persons, generation)
values ($1, $2, 0, decode(repeat('00', 32), 'hex'), 0, left(replace(gen_random_uuid()::text, '-', ''), 12))
on conflict (regency) do nothing
