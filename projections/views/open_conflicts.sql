-- Every register on which alive writes disagree, one row per side: who says what.
create view open_conflicts with (security_barrier) as
select
    s.regency,
    v.tps,
    s.voter,
    s.register,
    -- A number is a side's value where lists disagree on it: masked as everywhere.
    case
        when s.register not in ('nik', 'nkk') or (select may_unmask()) then hidden(s.value)
        else left(s.value, 6) || repeat('*', greatest(length(s.value) - 6, 0))
    end as value,
    s.wins,
    e.body ->> 'type' as type,
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
where s.register <> 'proposal';
comment on view open_conflicts is 'The sides of every open conflict, one row each. A conflict is (regency, voter, register); the sides that say what the roll shows win until somebody rules.';
comment on column open_conflicts.regency is 'Regency code.';
comment on column open_conflicts.tps is 'The TPS where the voter stands.';
comment on column open_conflicts.voter is 'The voter.';
comment on column open_conflicts.register is 'What they disagree on: verdict, tps, or a particular.';
comment on column open_conflicts.value is 'What this side says, of an identity number six digits and stars; NULL when it empties a particular, or its person is absent.';
comment on column open_conflicts.wins is 'This is the side that the roll shows.';
comment on column open_conflicts.type is 'The event''s type.';
comment on column open_conflicts.officer is 'The officer''s id.';
comment on column open_conflicts.role is 'pantarlih, pps, ppk or kpu.';
comment on column open_conflicts.at_tps is 'The roll that the officer worked on.';
comment on column open_conflicts.at is 'The device''s own clock: evidence, not order.';
comment on column open_conflicts.device is 'The device.';
comment on column open_conflicts.seq is 'The event''s seq in that device''s log.';
comment on column open_conflicts.position is 'The event''s position in the journal.';
