-- $1 regency, $2 election: the checkpoint before the first event.
insert into checkpoint (regency, election, events, event_hash, persons)
values ($1, $2, 0, decode(repeat('00', 32), 'hex'), 0)
on conflict (regency) do nothing
