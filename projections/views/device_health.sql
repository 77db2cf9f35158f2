-- Every device that sent anything: how far its log is held, and how much of it waits or is kept out of the count.
create view device_health as
select
    h.*,
    (
        select m.at from step_mark m
        where m.regency = h.regency and m.events >= h.position
        order by m.events, m.revision
        limit 1
    ) as last_heard
from (select
    regency,
    device,
    count(*) as held,
    max(seq) as seq,
    max(position) as position,
    count(*) filter (where standing = 'parked') as parked,
    count(*) filter (where standing not in ('counted', 'parked')) as quarantined,
    count(*) filter (where standing = 'late') as late
from event
group by regency, device) h;
comment on view device_health is 'One row for each device with an event; whoever sees part of its voters sees part of its events. Logs have no gaps: held equals seq for whoever sees the regency. Filter by regency.';
comment on column device_health.regency is 'Regency code.';
comment on column device_health.device is 'The device.';
comment on column device_health.held is 'Events held.';
comment on column device_health.seq is 'The seq of the last one.';
comment on column device_health.position is 'Where the last one stands in the journal: the last contact.';
comment on column device_health.parked is 'Events that wait for one that is not held.';
comment on column device_health.quarantined is 'Events kept out of the count, by whatever name.';
comment on column device_health.late is 'Of these, the late ones.';
comment on column device_health.last_heard is 'When the step that took in the last one was applied, by the database''s clock: after a rebuild, that of the rebuild.';
