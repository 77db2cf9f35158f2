-- What the phones' pull and the registry's judgement need. No old row has it, so the roll is made anew from the journal:
-- the projector begins at the first event.
truncate event, person, orphan, voter, side, waiting;
delete from checkpoint;

alter table checkpoint
    add column registry bigint not null default 0,
    add column registry_hash bytea not null default decode(repeat('00', 32), 'hex'),
    add column revision bigint not null default 0,
    add column generation text not null default '';
comment on column checkpoint.registry is 'Registry position up to which the rows are judged; 0 before the first registry event.';
comment on column checkpoint.registry_hash is 'SHA-256 of the registry line there: a restored registry reuses positions, and this shows it. 32 zero bytes before the first.';
comment on column checkpoint.revision is 'How many steps were applied: the number of the last one.';
comment on column checkpoint.generation is 'Random for each build of the roll: revisions of two builds are not comparable, and a cursor names both.';

alter table event
    add column stamp bigint not null default 0,
    add column revision bigint not null default 0;
-- What does not count is asked for by device on every push; of each standing there are few.
drop index event_not_counted;
create index event_not_counted on event (regency, device, seq) where standing <> 'counted';
comment on column event.stamp is 'Registry position that its admission judged by: policy and windows are judged by it.';
comment on column event.revision is 'The step in which the event, its standing or its person last changed.';

create table placement (
    revision    bigint not null,
    voter       uuid   not null,
    regency     text   not null,
    tps         text   not null,
    primary key (regency, tps, voter)
) partition by list (regency);
comment on table placement is 'Every TPS that an event about a voter names, counted or not: whose roll the voter may ever have stood on. A phone pulls the history of all these voters.';
comment on column placement.revision is 'The step in which the voter was first named there.';
comment on column placement.voter is 'The voter.';
comment on column placement.regency is 'The regency.';
comment on column placement.tps is 'The polling place, 13 digits.';
