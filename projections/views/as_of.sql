-- Which moment the other views speak of, to be read in the same transaction.
create view as_of with (security_barrier) as
select regency, election, events, persons
from checkpoint
where regency like any (select left(mine.area, 4) || '%' from unnest((select my_areas())::text[]) as mine (area));
comment on view as_of is 'Which moment the other views speak of: read it in the same transaction (repeatable read), and quote it with every figure.';
comment on column as_of.regency is 'Regency code.';
comment on column as_of.election is 'The election.';
comment on column as_of.events is 'How many events of the regency''s journal are in the rows: its position.';
comment on column as_of.persons is 'How many persons are in the rows.';
