-- $1 regency, $2 position → the step by which the event at that position, and all before it, was judged.
select revision, events, persons, registry, at from step_mark
where regency = $1 and events >= $2
order by events, revision
limit 1
