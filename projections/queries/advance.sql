-- $1 regency; $2, $3, $4 the checkpoint that the step was made from; $5, $6, $7 the one after it.
-- No row: somebody else has moved the checkpoint, and the step must not be applied.
update checkpoint
set events = $5, event_hash = $6, persons = $7
where regency = $1 and events = $2 and event_hash = $3 and persons = $4
returning regency
