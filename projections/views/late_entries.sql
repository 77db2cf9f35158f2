-- Entries that came when coklit of their area was closed: in sight, and out of the count until readmitted.
create view late_entries with (security_barrier) as
select e.regency, b.tps, e.voter, b.type, hidden(b.officer) as officer, b.role, b.at, e.device, e.seq, e.position
from event e
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (type text, tps text, officer text, role text, at text)
where e.standing = 'late';
comment on view late_entries is 'Entries kept out of the count as late, one row each. Filter by regency, order by position.';
comment on column late_entries.regency is 'Regency code.';
comment on column late_entries.tps is 'The roll that was worked on.';
comment on column late_entries.voter is 'The voter.';
comment on column late_entries.type is 'The event''s type.';
comment on column late_entries.officer is 'The officer''s id.';
comment on column late_entries.role is 'pantarlih, pps, ppk or kpu.';
comment on column late_entries.at is 'The device''s own clock: evidence, not order.';
comment on column late_entries.device is 'The device.';
comment on column late_entries.seq is 'The event''s seq in that device''s log.';
comment on column late_entries.position is 'The event''s position in the journal.';
