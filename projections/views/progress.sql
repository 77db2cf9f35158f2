-- How coklit went on: entries that count, by TPS and day. Sums of what the database itself counts (day_count).
create view progress with (security_barrier) as
select
    regency,
    left(tps, 6) as district,
    left(tps, 10) as village,
    tps,
    day,
    kind,
    sum(n)::bigint as n
from day_count
group by regency, tps, day, kind
having sum(n) <> 0;
comment on view progress is 'The progress of coklit over time: entries that count, by TPS, day and kind. A voter visited twice is two entries. Filter by regency.';
comment on column progress.regency is 'Regency code.';
comment on column progress.district is 'District of the TPS, 6 digits.';
comment on column progress.village is 'Village of the TPS, 10 digits.';
comment on column progress.tps is 'The roll that was worked on, 13 digits.';
comment on column progress.day is 'The day of the visit where the entry says it, else the day on the device''s own clock: evidence, not order.';
comment on column progress.kind is 'sesuai (found, nothing changed), ubah (found, particulars changed), baru (new), else the event''s type: moved, deceased, disqualified, not_met, reopened, ruled.';
comment on column progress.n is 'Entries.';
