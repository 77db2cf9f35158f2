-- The recap of every area, as sums over the counts of its TPS. A voter is counted at its first TPS and at its present one,
-- so that a move counts at both ends:
--   listed + new + arrived - departed - removed = on_list        for every area, and every column adds up over its parts.
-- At its present TPS each voter has one mark:
--   removed + sesuai + ubah + baru + unvisited = listed + new + arrived - departed
create view recap_counts as
select
    t.regency,
    a.level,
    left(t.tps, a.digits) as area,
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
cross join (values ('tps', 13), ('village', 10), ('district', 6), ('regency', 4)) as a (level, digits)
where t.listed <> 0 or t.new <> 0 or t.arrived <> 0
group by t.regency, a.level, left(t.tps, a.digits);
comment on view recap_counts is 'As recap, with every count: for the service alone, which shows counts of few people to nobody. listed + new + arrived - departed - removed = on_list, and every column but tps_count of an area is the sum over its TPS.';
comment on column recap_counts.regency is 'Regency code: filter by it.';
comment on column recap_counts.level is 'tps, village, district or regency.';
comment on column recap_counts.area is 'Code of the area: 13, 10, 6 or 4 digits.';
comment on column recap_counts.tps_count is 'TPS with somebody on their list.';
comment on column recap_counts.listed is 'Voters first listed here by an imported list.';
comment on column recap_counts.new is 'Voters first recorded here at the door.';
comment on column recap_counts.arrived is 'Voters who stand here now and were first at another TPS.';
comment on column recap_counts.departed is 'Voters who were first here and stand at another TPS now.';
comment on column recap_counts.removed is 'Voters who stand here and are off the list (tersaring), for any reason.';
comment on column recap_counts.on_list is 'Voters on the list here now.';
comment on column recap_counts.visited is 'Voters here with a result: any verdict but unvisited, or a removal proposed.';
comment on column recap_counts.sesuai is 'Listed, confirmed, nothing changed.';
comment on column recap_counts.ubah is 'Listed, confirmed, particulars changed.';
comment on column recap_counts.baru is 'Recorded at the door and confirmed.';
comment on column recap_counts.unvisited is 'On the list with no verdict yet (belum dicoklit).';
comment on column recap_counts.not_met is 'Of the unvisited: somebody came and did not meet them.';
comment on column recap_counts.proposed is 'Voters here with a removal that waits for a ruling.';
comment on column recap_counts.in_conflict is 'Voters here with an open conflict.';
comment on column recap_counts.deceased is 'Removed: deceased.';
comment on column recap_counts.moved_away is 'Removed: moved out of the village.';
comment on column recap_counts.duplicate is 'Removed: listed twice.';
comment on column recap_counts.underage is 'Removed: under age and not married.';
comment on column recap_counts."foreign" is 'Removed: not a citizen.';
comment on column recap_counts.military is 'Removed: serves in the TNI.';
comment on column recap_counts.police is 'Removed: serves in the Polri.';
comment on column recap_counts.revoked is 'Removed: right to vote revoked by a court.';
comment on column recap_counts.unknown is 'Removed: ruled unknown.';
comment on column recap_counts.entry_error is 'Removed: ruled an error of entry.';
comment on column recap_counts.male is 'On the list: sex L.';
comment on column recap_counts.female is 'On the list: sex P.';
comment on column recap_counts.sex_unknown is 'On the list: sex not recorded, or its person absent.';
comment on column recap_counts.physical is 'On the list: physical disability.';
comment on column recap_counts.intellectual is 'On the list: intellectual disability.';
comment on column recap_counts.mental is 'On the list: mental disability.';
comment on column recap_counts.speech is 'On the list: speech disability.';
comment on column recap_counts.hearing is 'On the list: hearing disability.';
comment on column recap_counts.visual is 'On the list: visual disability.';
comment on column recap_counts.ektp is 'On the list: has a KTP-el.';
comment on column recap_counts.ektp_none is 'On the list: has no KTP-el yet.';
comment on column recap_counts.ektp_unknown is 'On the list: whether there is a KTP-el was not recorded, or its person is absent.';
