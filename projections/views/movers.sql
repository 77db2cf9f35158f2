-- Everybody who stands elsewhere than where the lists first had them, or has left, or is said to have left.
-- Its owner sees both ends of a move (grants.sql), so that whoever has one of them reads here where the voter went.
create view movers with (security_barrier) as
select
    v.regency,
    v.voter,
    v.first_tps as from_tps,
    case when v.verdict = 'moved_away' then null else v.tps end as to_tps,
    m.to_area,
    case
        when v.verdict = 'moved_away' then 'gone'
        when 'moved_away' = any (v.proposed) then 'proposed'
        when v.verdict = 'unvisited' then 'awaited'
        when v.on_list then 'met'
        else 'removed'
    end as state,
    coalesce('tps' = any (v.conflicts), false) as is_disputed,
    m.evidence,
    hidden(m.officer) as officer,
    m.role,
    m.device,
    m.seq,
    m.position
from voter v
left join lateral (
    -- What moved the voter, as far as it counts: the last word by arrival, which is for people to read and decides nothing.
    select e.position, e.device, e.seq, b.evidence, b.officer, b.role, b.to_area
    from event e
    cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
        type text, "to" text, to_area text, evidence text, officer text, role text, verdict text
    )
    where e.regency = v.regency and e.voter = v.voter and e.standing = 'counted'
        and (b.type = 'moved' or (b.type in ('ruled', 'reopened') and (b."to" is not null or b.verdict = 'moved_away')))
    order by e.position desc
    limit 1
) m on true
where v.first_tps <> v.tps or v.verdict = 'moved_away' or 'moved_away' = any (v.proposed);
comment on view movers is 'Voters who moved, one row each: from their first TPS to their present one, out of the village, or said to be gone. A move counts at both ends, and is seen by whoever sees one of them. Filter by regency.';
comment on column movers.regency is 'Regency code.';
comment on column movers.voter is 'The voter.';
comment on column movers.from_tps is 'The TPS where the voter was first listed or recorded.';
comment on column movers.to_tps is 'The TPS where the voter stands now; NULL when gone.';
comment on column movers.to_area is 'Where the voter is said to have gone, as far as the entry says: an area of 2 to 10 digits outside the regency; NULL when none is named.';
comment on column movers.state is 'awaited (placed at another TPS, not visited there yet), met (confirmed there), removed (placed there, and off the list since), gone (moved away, off the list), proposed (said to be gone, on the list until somebody rules).';
comment on column movers.is_disputed is 'Officers disagree on the TPS: see open_conflicts.';
comment on column movers.evidence is 'The evidence named; NULL when none.';
comment on column movers.officer is 'Who said so: the officer''s id; NULL, as are those below, when only a conflict of places moved the voter.';
comment on column movers.role is 'pantarlih, pps, ppk or kpu.';
comment on column movers.device is 'The device of that entry.';
comment on column movers.seq is 'Its seq in that device''s log.';
comment on column movers.position is 'Its position in the journal.';
