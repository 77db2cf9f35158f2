-- The recap of every area, as sums over the counts of its TPS. A voter is counted at its first TPS and at its present one,
-- so that a move counts at both ends:
--   listed + new + arrived - departed - removed = on_list        for every area, and every column adds up over its parts.
-- At its present TPS each voter has one mark:
--   removed + sesuai + ubah + baru + unvisited = listed + new + arrived - departed
create view recap as
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
    sum(t.visual)::bigint as visual,
    sum(t.ektp)::bigint as ektp,
    sum(t.ektp_none)::bigint as ektp_none,
    sum(t.ektp_unknown)::bigint as ektp_unknown
from tps_count t
cross join lateral (values
    ('tps', t.tps),
    ('village', left(t.tps, 10)),
    ('district', left(t.tps, 6)),
    ('regency', t.regency)
) as a (level, area)
where t.listed <> 0 or t.new <> 0 or t.arrived <> 0
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
comment on column recap.ektp is 'On the list: has a KTP-el.';
comment on column recap.ektp_none is 'On the list: has no KTP-el yet.';
comment on column recap.ektp_unknown is 'On the list: whether there is a KTP-el was not recorded, or its person is absent.';
