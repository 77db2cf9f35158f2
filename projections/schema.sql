-- The read side of one or more regencies: what the fold found, and what it needs to fold again.

create table migration (
    number      integer     not null,
    name        text        not null,
    applied_at  timestamptz not null default now(),
    primary key (number)
);
comment on table migration is 'Which migrations this schema has seen. A number above the program''s own is refused.';
comment on column migration.number is 'The migration''s number, from its file name.';
comment on column migration.name is 'Its name, from its file name.';
comment on column migration.applied_at is 'When it was applied.';

create table checkpoint (
    regency     text   not null,
    election    text   not null,
    events      bigint not null,
    event_hash  bytea  not null,
    persons     bigint not null,
    registry    bigint not null default 0,
    registry_hash bytea not null default decode(repeat('00', 32), 'hex'),
    revision    bigint not null default 0,
    generation  text   not null default '',
    primary key (regency)
);
comment on table checkpoint is 'How far each regency''s journal is projected. Written in the transaction that writes the rows: what it says has been applied, all of it, once.';
comment on column checkpoint.regency is 'Regency code, 4 digits.';
comment on column checkpoint.election is 'The election that the journal belongs to.';
comment on column checkpoint.events is 'Stream sequence of the last event applied; 0 before the first.';
comment on column checkpoint.event_hash is 'SHA-256 of that event: a restored journal reuses sequences, and this shows it. 32 zero bytes before the first.';
comment on column checkpoint.persons is 'Stream sequence of the last person applied; 0 before the first.';
comment on column checkpoint.registry is 'Registry position up to which the rows are judged; 0 before the first registry event.';
comment on column checkpoint.registry_hash is 'SHA-256 of the registry line there: a restored registry reuses positions, and this shows it. 32 zero bytes before the first.';
comment on column checkpoint.revision is 'How many steps were applied: the number of the last one.';
comment on column checkpoint.generation is 'Random for each build of the roll: revisions of two builds are not comparable, and a cursor names both.';

create table event (
    position    bigint not null,
    seq         bigint not null,
    voter       uuid   not null,
    regency     text   not null,
    device      text   not null,
    standing    text   not null,
    body        bytea  not null,
    stamp       bigint not null default 0,
    revision    bigint not null default 0,
    primary key (regency, device, seq)
) partition by list (regency);
create index event_voter on event (regency, voter);
create index event_not_counted on event (regency, device, seq) where standing <> 'counted';
comment on table event is 'Every event of the journal, once, with its exact bytes and its standing. Holds nothing personal.';
comment on column event.position is 'Stream sequence in the regency''s journal.';
comment on column event.seq is 'The event''s place in its device''s log, from 1 without a gap.';
comment on column event.voter is 'The voter that it is about.';
comment on column event.regency is 'The regency whose journal holds it.';
comment on column event.device is 'The device that wrote it.';
comment on column event.standing is 'counted, parked (a cause is still missing), or the name of what is wrong with it.';
comment on column event.body is 'The event''s canonical bytes; SHA-256 of them is its hash.';
comment on column event.stamp is 'Registry position that its admission judged by: policy and windows are judged by it.';
comment on column event.revision is 'The step in which the event, its standing or its person last changed.';

create table person (
    position    bigint not null,
    seq         bigint not null,
    regency     text   not null,
    device      text   not null,
    body        bytea  not null,
    primary key (regency, device, seq)
) partition by list (regency);
comment on table person is 'The personal part of events, apart so that it can be erased: the one copy that its event commits to.';
comment on column person.position is 'Stream sequence in the regency''s stream of persons.';
comment on column person.seq is 'The seq of the event that it belongs to.';
comment on column person.regency is 'The regency whose stream holds it.';
comment on column person.device is 'The device of the event that it belongs to.';
comment on column person.body is 'The canonical bytes; the event commits to their SHA-256.';

create table orphan (
    position    bigint not null,
    seq         bigint not null,
    regency     text   not null,
    device      text   not null,
    body        bytea  not null,
    primary key (regency, device, seq, position)
) partition by list (regency);
comment on table orphan is 'Copies of persons whose event is not held yet. When it comes, the right one moves to person and the others go. Personal, like person.';
comment on column orphan.position is 'Stream sequence in the regency''s stream of persons.';
comment on column orphan.seq is 'The seq of the event that it says it belongs to.';
comment on column orphan.regency is 'The regency whose stream holds it.';
comment on column orphan.device is 'The device of the event that it says it belongs to.';
comment on column orphan.body is 'The bytes as they came.';

create table voter (
    voter       uuid    not null,
    attempts    integer not null,
    changed     boolean not null,
    regency     text    not null,
    tps         text    not null,
    first_tps   text    not null,
    source      text,
    verdict     text    not null,
    reason      text,
    conflicts   text[],
    proposed    text[],
    sex         text,
    disability  text,
    decision    bytea   not null,
    record      text,
    on_list     boolean generated always as (verdict in ('confirmed', 'unvisited')) virtual,
    primary key (regency, voter)
) partition by list (regency);
create index voter_tps on voter (regency, tps);
comment on table voter is 'One row per voter that has a counted event: its state, exactly as the fold gives it. state_line(decision, record) is the line that `ecoklit fold` prints.';
comment on column voter.voter is 'The voter''s id, born with its first event.';
comment on column voter.attempts is 'How often somebody came and did not meet the voter: the sum over the devices.';
comment on column voter.changed is 'Some counted event changed a particular of the first record.';
comment on column voter.regency is 'The regency whose roll it stands on.';
comment on column voter.tps is 'The polling place whose roll it stands on now, 13 digits.';
comment on column voter.first_tps is 'The polling place where it was first listed or recorded. It never changes, so that a move counts at both ends.';
comment on column voter.source is 'The source named by the listing that it was born with; NULL for a voter recorded at the door (new).';
comment on column voter.verdict is 'confirmed, unvisited, moved_away, deceased or disqualified.';
comment on column voter.reason is 'Why, when disqualified; else NULL.';
comment on column voter.conflicts is 'Registers on which alive writes disagree: tps, verdict, or names of particulars; NULL when none.';
comment on column voter.proposed is 'Removals that stand proposed and wait for a ruling; NULL when none.';
comment on column voter.sex is 'L or P as in the record; NULL when not known.';
comment on column voter.disability is 'The record''s word; NULL when none is known.';
comment on column voter.decision is 'Canonical bytes of the decision: the leaf of the digests, without anything personal.';
comment on column voter.record is 'Canonical JSON of the record (particulars, their conflicts, salts); NULL when a person it needs is absent.';
comment on column voter.on_list is 'The verdict is confirmed or unvisited.';

create table side (
    seq         bigint not null,
    voter       uuid   not null,
    regency     text   not null,
    device      text   not null,
    register    text   not null,
    value       text,
    wins        boolean not null,
    primary key (regency, voter, register, device, seq)
) partition by list (regency);
comment on table side is 'The sides of what is open: every alive write of a register in conflict, and every proposal that stands.';
comment on column side.seq is 'With device: the event that wrote it.';
comment on column side.voter is 'The voter.';
comment on column side.regency is 'The regency.';
comment on column side.device is 'The device whose event wrote it.';
comment on column side.register is 'verdict, tps, proposal, or the name of a particular.';
comment on column side.value is 'What it says: a verdict (with /reason), a TPS code, or the particular (NULL when empty, or its person is absent).';
comment on column side.wins is 'Whether this write is the one that the roll shows. Of a proposal always false: a proposal decides nothing.';

create table waiting (
    seq         bigint not null,
    voter       uuid   not null,
    regency     text   not null,
    device      text   not null,
    primary key (regency, device, seq, voter)
) partition by list (regency);
create index waiting_voter on waiting (regency, voter);
comment on table waiting is 'Dots that are named by parked events and not held: their arrival folds the voter anew.';
comment on column waiting.seq is 'With device: the dot awaited.';
comment on column waiting.voter is 'The voter with an event parked on it.';
comment on column waiting.regency is 'The regency.';
comment on column waiting.device is 'The device of the dot awaited.';

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

create function state_line(decision bytea, record text) returns bytea
    language sql immutable parallel safe
    return '{"decision":'::bytea || decision || ',"record":'::bytea || convert_to(coalesce(record, 'null'), 'UTF8') || '}'::bytea;
comment on function state_line(bytea, text) is 'The state as one line, byte for byte what `ecoklit fold` prints.';

create function leaf_hash(decision bytea) returns bytea
    language sql immutable strict parallel safe
    return sha256('\x00'::bytea || decision);
comment on function leaf_hash(bytea) is 'RFC 6962 hash of a voter''s leaf in the digest of its TPS.';

create function shown(canonical text) returns json
    language sql immutable strict parallel safe
    return replace(replace(replace(canonical, '\\', e'\x01'), '\u0000', '\ufffd'), e'\x01', '\\')::json;
comment on function shown(text) is 'Canonical JSON for display. PostgreSQL has no character U+0000: it is shown as U+FFFD; the stored bytes keep it.';
