-- The recap as it may be shown where nobody is named: counts of few people are left out.
create view recap with (security_barrier) as
select
    c.regency,
    c.level,
    c.area,
    c.tps_count,
    c.listed,
    c.new,
    c.arrived,
    c.departed,
    c.removed,
    c.on_list,
    c.visited,
    c.sesuai,
    c.ubah,
    c.baru,
    c.unvisited,
    c.not_met,
    c.proposed,
    c.in_conflict,
    c.deceased,
    c.moved_away,
    c.duplicate,
    c.underage,
    c."foreign",
    c.military,
    c.police,
    c.revoked,
    c.unknown,
    c.entry_error,
    c.male,
    c.female,
    c.sex_unknown,
    s.physical,
    s.intellectual,
    s.mental,
    s.speech,
    s.hearing,
    s.visual,
    c.ektp,
    c.ektp_none,
    c.ektp_unknown
from recap_counts c
left join (
    select k.regency as of_regency, one.*
    from checkpoint k
    cross join lateral disability_shown(k.regency, k.regency, 'tps') as one
) s on s.of_regency = c.regency and s.area = c.area;
comment on view recap is 'Counts per TPS, village, district and regency, whose sums are right at every level: listed + new + arrived - departed - removed = on_list. A disability is NULL where one to four people have it or where that would follow from what is shown; one pattern holds for the whole regency.';
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
comment on column recap.physical is 'On the list: physical disability; NULL where it would tell of few people.';
comment on column recap.intellectual is 'On the list: intellectual disability; NULL where it would tell of few people.';
comment on column recap.mental is 'On the list: mental disability; NULL where it would tell of few people.';
comment on column recap.speech is 'On the list: speech disability; NULL where it would tell of few people.';
comment on column recap.hearing is 'On the list: hearing disability; NULL where it would tell of few people.';
comment on column recap.visual is 'On the list: visual disability; NULL where it would tell of few people.';
comment on column recap.ektp is 'On the list: has a KTP-el.';
comment on column recap.ektp_none is 'On the list: has no KTP-el yet.';
comment on column recap.ektp_unknown is 'On the list: whether there is a KTP-el was not recorded, or its person is absent.';
