-- The field work that counts, entry by entry, for advice on plausibility: nothing here is ever read by the merge.
create view visits as
select
    e.regency,
    b.tps,
    e.voter,
    b.type,
    b.officer,
    b.role,
    b.at,
    b.entry,
    b.how,
    md5(shown(v.record) -> 'fields' ->> 'nkk') as home,
    (w.place ->> 'lat_e6')::bigint as lat_e6,
    (w.place ->> 'lon_e6')::bigint as lon_e6,
    e.device,
    e.seq,
    e.position
from event e
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
    type text, tps text, officer text, role text, at text, entry text, how text
)
left join voter v on v.regency = e.regency and v.voter = e.voter
left join person p on p.regency = e.regency and p.device = e.device and p.seq = e.seq
left join lateral (select shown(convert_from(p.body, 'UTF8')) -> 'visit' -> 'place' as place) w on true
where e.standing = 'counted' and b.type not in ('listed', 'ruled');
comment on view visits is 'Entries of field work that count. Where the phone was is personal: for the service alone. Filter by regency, order by device and seq.';
comment on column visits.regency is 'Regency code.';
comment on column visits.tps is 'The roll that was worked on.';
comment on column visits.voter is 'The voter.';
comment on column visits.type is 'The event''s type.';
comment on column visits.officer is 'The officer''s id.';
comment on column visits.role is 'pantarlih, pps, ppk or kpu.';
comment on column visits.at is 'The device''s own clock: evidence, not order.';
comment on column visits.entry is 'phone or paper; NULL when not said.';
comment on column visits.how is 'How the person was met; NULL when not said.';
comment on column visits.home is 'Tells families apart; NULL when the record is absent.';
comment on column visits.lat_e6 is 'Where the phone was, millionths of a degree; NULL when not said.';
comment on column visits.lon_e6 is 'Likewise, east.';
comment on column visits.device is 'The device.';
comment on column visits.seq is 'The event''s seq in that device''s log.';
comment on column visits.position is 'The event''s position in the journal.';
