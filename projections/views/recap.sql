-- The recap of every area. A voter is counted at its first TPS and at its present one, so that a move counts at both ends:
--   listed + new + arrived - departed - removed = on_list        for every area, and every column adds up over its parts.
-- At its present TPS each voter has one mark:
--   removed + sesuai + ubah + baru + unvisited = listed + new + arrived - departed
create view recap as
with kind as (
    -- Voters alike in all that is counted, together: there are far fewer kinds than voters.
    select
        regency, first_tps, tps, verdict, reason, source is not null as was_listed, changed, sex, disability,
        proposed is not null as is_proposed, conflicts is not null as is_disputed, attempts > 0 as was_missed,
        count(*) as n
    from voter
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
),
place as (
    select k.*, p.tps as at_tps, p.first, p.stays
    from kind k
    cross join lateral (values
        (k.tps, k.first_tps = k.tps, true),
        (k.first_tps, true, false)
    ) as p (tps, first, stays)
    where p.stays or k.first_tps <> k.tps
),
at_tps as (
    select
        regency,
        at_tps as tps,
        coalesce(sum(n) filter (where first and was_listed), 0) as listed,
        coalesce(sum(n) filter (where first and not was_listed), 0) as new,
        coalesce(sum(n) filter (where not first), 0) as arrived,
        coalesce(sum(n) filter (where not stays), 0) as departed,
        coalesce(sum(n) filter (where stays and verdict not in ('confirmed', 'unvisited')), 0) as removed,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited')), 0) as on_list,
        coalesce(sum(n) filter (where stays and (verdict <> 'unvisited' or is_proposed)), 0) as visited,
        coalesce(sum(n) filter (where stays and verdict = 'confirmed' and was_listed and not changed), 0) as sesuai,
        coalesce(sum(n) filter (where stays and verdict = 'confirmed' and was_listed and changed), 0) as ubah,
        coalesce(sum(n) filter (where stays and verdict = 'confirmed' and not was_listed), 0) as baru,
        coalesce(sum(n) filter (where stays and verdict = 'unvisited'), 0) as unvisited,
        coalesce(sum(n) filter (where stays and verdict = 'unvisited' and was_missed), 0) as not_met,
        coalesce(sum(n) filter (where stays and is_proposed), 0) as proposed,
        coalesce(sum(n) filter (where stays and is_disputed), 0) as in_conflict,
        coalesce(sum(n) filter (where stays and verdict = 'deceased'), 0) as deceased,
        coalesce(sum(n) filter (where stays and verdict = 'moved_away'), 0) as moved_away,
        coalesce(sum(n) filter (where stays and reason = 'duplicate'), 0) as duplicate,
        coalesce(sum(n) filter (where stays and reason = 'underage'), 0) as underage,
        coalesce(sum(n) filter (where stays and reason = 'foreign'), 0) as "foreign",
        coalesce(sum(n) filter (where stays and reason = 'military'), 0) as military,
        coalesce(sum(n) filter (where stays and reason = 'police'), 0) as police,
        coalesce(sum(n) filter (where stays and reason = 'revoked'), 0) as revoked,
        coalesce(sum(n) filter (where stays and reason = 'unknown'), 0) as unknown,
        coalesce(sum(n) filter (where stays and reason = 'entry_error'), 0) as entry_error,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and sex = 'L'), 0) as male,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and sex = 'P'), 0) as female,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and sex is null), 0) as sex_unknown,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'physical'), 0) as physical,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'intellectual'), 0) as intellectual,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'mental'), 0) as mental,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'speech'), 0) as speech,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'hearing'), 0) as hearing,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'visual'), 0) as visual
    from place
    group by regency, at_tps
)
select
    t.regency,
    a.level,
    a.area,
    count(*) filter (where t.on_list > 0) as tps_count,
    sum(t.listed)::bigint as listed,
    sum(t.new)::bigint as new,
    sum(t.arrived)::bigint as arrived,
    sum(t.departed)::bigint as departed,
    sum(t.removed)::bigint as removed,
    sum(t.on_list)::bigint as on_list,
    sum(t.visited)::bigint as visited,
    sum(t.sesuai)::bigint as sesuai,
    sum(t.ubah)::bigint as ubah,
    sum(t.baru)::bigint as baru,
    sum(t.unvisited)::bigint as unvisited,
    sum(t.not_met)::bigint as not_met,
    sum(t.proposed)::bigint as proposed,
    sum(t.in_conflict)::bigint as in_conflict,
    sum(t.deceased)::bigint as deceased,
    sum(t.moved_away)::bigint as moved_away,
    sum(t.duplicate)::bigint as duplicate,
    sum(t.underage)::bigint as underage,
    sum(t."foreign")::bigint as "foreign",
    sum(t.military)::bigint as military,
    sum(t.police)::bigint as police,
    sum(t.revoked)::bigint as revoked,
    sum(t.unknown)::bigint as unknown,
    sum(t.entry_error)::bigint as entry_error,
    sum(t.male)::bigint as male,
    sum(t.female)::bigint as female,
    sum(t.sex_unknown)::bigint as sex_unknown,
    sum(t.physical)::bigint as physical,
    sum(t.intellectual)::bigint as intellectual,
    sum(t.mental)::bigint as mental,
    sum(t.speech)::bigint as speech,
    sum(t.hearing)::bigint as hearing,
    sum(t.visual)::bigint as visual
from at_tps t
cross join lateral (values
    ('tps', t.tps),
    ('village', left(t.tps, 10)),
    ('district', left(t.tps, 6)),
    ('regency', t.regency)
) as a (level, area)
group by t.regency, a.level, a.area;
comment on view recap is 'Counts per TPS, village, district and regency. listed + new + arrived - departed - removed = on_list, and every column but tps_count of an area is the sum over its TPS.';
comment on column recap.regency is 'Regency code: filter by it.';
comment on column recap.level is 'tps, village, district or regency.';
comment on column recap.area is 'Code of the area: 13, 10, 6 or 4 digits.';
comment on column recap.tps_count is 'TPS with somebody on their list.';
comment on column recap.listed is 'Voters first listed here by an imported list.';
comment on column recap.new is 'Voters first recorded here at the door.';
comment on column recap.arrived is 'Voters who stand here now and were first at another TPS.';
comment on column recap.departed is 'Voters who were first here and stand at another TPS now.';
comment on column recap.removed is 'Voters who stand here and are off the list (tersaring), for any reason.';
comment on column recap.on_list is 'Voters on the list here now.';
comment on column recap.visited is 'Voters here with a result: any verdict but unvisited, or a removal proposed.';
comment on column recap.sesuai is 'Listed, confirmed, nothing changed.';
comment on column recap.ubah is 'Listed, confirmed, particulars changed.';
comment on column recap.baru is 'Recorded at the door and confirmed.';
comment on column recap.unvisited is 'On the list with no verdict yet (belum dicoklit).';
comment on column recap.not_met is 'Of the unvisited: somebody came and did not meet them.';
comment on column recap.proposed is 'Voters here with a removal that waits for a ruling.';
comment on column recap.in_conflict is 'Voters here with an open conflict.';
comment on column recap.deceased is 'Removed: deceased.';
comment on column recap.moved_away is 'Removed: moved out of the village.';
comment on column recap.duplicate is 'Removed: listed twice.';
comment on column recap.underage is 'Removed: under age and not married.';
comment on column recap."foreign" is 'Removed: not a citizen.';
comment on column recap.military is 'Removed: serves in the TNI.';
comment on column recap.police is 'Removed: serves in the Polri.';
comment on column recap.revoked is 'Removed: right to vote revoked by a court.';
comment on column recap.unknown is 'Removed: ruled unknown.';
comment on column recap.entry_error is 'Removed: ruled an error of entry.';
comment on column recap.male is 'On the list: sex L.';
comment on column recap.female is 'On the list: sex P.';
comment on column recap.sex_unknown is 'On the list: sex not recorded, or its person absent.';
comment on column recap.physical is 'On the list: physical disability.';
comment on column recap.intellectual is 'On the list: intellectual disability.';
comment on column recap.mental is 'On the list: mental disability.';
comment on column recap.speech is 'On the list: speech disability.';
comment on column recap.hearing is 'On the list: hearing disability.';
comment on column recap.visual is 'On the list: visual disability.';
