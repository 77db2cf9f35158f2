-- Every event about a voter, whatever became of it. Order by position.
create view voter_history as
select
    e.regency,
    e.voter,
    e.position,
    e.device,
    e.seq,
    e.standing,
    b.body ->> 'type' as type,
    b.body ->> 'tps' as tps,
    b.body ->> 'officer' as officer,
    b.body ->> 'role' as role,
    b.body ->> 'at' as at,
    b.body as event
from event e
cross join lateral (
    -- A bad event can hold anything, also what PostgreSQL's JSON refuses.
    select case when e.standing in ('bad_event', 'not_entitled') then null else hidden_event(e.body) end as body
) b;
comment on view voter_history is 'Every event of the journal with its standing. Filter by regency and voter, order by position; the fold does not depend on that order.';
comment on column voter_history.regency is 'Regency code.';
comment on column voter_history.voter is 'The voter.';
comment on column voter_history.position is 'Stream sequence in the journal: the order of arrival.';
comment on column voter_history.device is 'The device.';
comment on column voter_history.seq is 'The event''s seq in that device''s log.';
comment on column voter_history.standing is 'counted, parked, or the name of what is wrong with it.';
comment on column voter_history.type is 'The event''s type; this and what follows are NULL for an event that is no event by itself.';
comment on column voter_history.tps is 'The roll being worked on.';
comment on column voter_history.officer is 'The officer''s id.';
comment on column voter_history.role is 'pantarlih, pps, ppk or kpu.';
comment on column voter_history.at is 'The device''s own clock: evidence, not order.';
comment on column voter_history.event is 'The event; nothing personal is in it.';
