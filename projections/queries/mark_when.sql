-- $1 regency, $2 moment → the last step that was applied by then.
select revision, events, persons, registry, at from step_mark
where regency = $1 and at <= $2
order by revision desc
limit 1
