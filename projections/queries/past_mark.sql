-- $1 regency, $2 position → the mark that tells how the roll as of that position was judged: the last one of that very
-- position, else that of the step which went past it.
select revision, events, persons, registry, at from step_mark
where regency = $1 and events >= $2
order by events, case when events = $2 then -revision else revision end
limit 1
