-- $1 regency; $2 to $7 the checkpoint that the step was made from; $8 to $13 the one after it, whose mark stays.
-- No row: somebody else has moved the checkpoint, and the step must not be applied.
with moved as (
    update checkpoint
    set events = $8, event_hash = $9, persons = $10, registry = $11, registry_hash = $12, revision = $13
    where regency = $1 and events = $2 and event_hash = $3 and persons = $4 and registry = $5 and registry_hash = $6
        and revision = $7
    returning regency, revision, events, persons, registry
)
insert into step_mark (regency, revision, events, persons, registry)
select regency, revision, events, persons, registry from moved
on conflict (regency, revision) do update
set events = excluded.events, persons = excluded.persons, registry = excluded.registry, at = clock_timestamp()
returning regency
