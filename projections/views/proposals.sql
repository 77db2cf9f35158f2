-- Removals that somebody asked for without enough evidence. They change nothing until somebody rules.
create view proposals with (security_barrier) as
select
    s.regency,
    v.tps,
    s.voter,
    s.value as proposal,
    v.verdict,
    e.body ->> 'evidence' as evidence,
    hidden(e.body ->> 'officer') as officer,
    e.body ->> 'role' as role,
    e.body ->> 'tps' as at_tps,
    e.body ->> 'at' as at,
    s.device,
    s.seq,
    e.position
from side s
join voter v on v.regency = s.regency and v.voter = s.voter
join lateral (
    select position, convert_from(body, 'UTF8')::json as body
    from event
    where event.regency = s.regency and event.device = s.device and event.seq = s.seq
) e on true
where s.register = 'proposal';
comment on view proposals is 'Removals that stand proposed, one row per event that proposes one.';
comment on column proposals.regency is 'Regency code.';
comment on column proposals.tps is 'The TPS where the voter stands.';
comment on column proposals.voter is 'The voter.';
comment on column proposals.proposal is 'deceased, moved_away or disqualified/reason.';
comment on column proposals.verdict is 'The voter''s verdict now.';
comment on column proposals.evidence is 'The evidence named, which was not enough alone; NULL when none.';
comment on column proposals.officer is 'The officer''s id.';
comment on column proposals.role is 'pantarlih, pps, ppk or kpu.';
comment on column proposals.at_tps is 'The roll that the officer worked on.';
comment on column proposals.at is 'The device''s own clock: evidence, not order.';
comment on column proposals.device is 'The device.';
comment on column proposals.seq is 'The event''s seq in that device''s log.';
comment on column proposals.position is 'The event''s position in the journal.';
