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

create table tps_count (
    regency     text   not null,
    tps         text   not null,
    listed       bigint not null,
    new          bigint not null,
    arrived      bigint not null,
    departed     bigint not null,
    removed      bigint not null,
    on_list      bigint not null,
    visited      bigint not null,
    sesuai       bigint not null,
    ubah         bigint not null,
    baru         bigint not null,
    unvisited    bigint not null,
    not_met      bigint not null,
    proposed     bigint not null,
    in_conflict  bigint not null,
    deceased     bigint not null,
    moved_away   bigint not null,
    duplicate    bigint not null,
    underage     bigint not null,
    "foreign"    bigint not null,
    military     bigint not null,
    police       bigint not null,
    revoked      bigint not null,
    unknown      bigint not null,
    entry_error  bigint not null,
    male         bigint not null,
    female       bigint not null,
    sex_unknown  bigint not null,
    physical     bigint not null,
    intellectual bigint not null,
    mental       bigint not null,
    speech       bigint not null,
    hearing      bigint not null,
    visual       bigint not null,
    ektp         bigint not null,
    ektp_none    bigint not null,
    ektp_unknown bigint not null,
    primary key (regency, tps)
) partition by list (regency);
comment on table tps_count is 'The recap of every TPS, kept by the database itself with every change of a voter: no writer can forget it. A row stays when all its counts are 0 again.';
comment on column tps_count.regency is 'Regency code, 4 digits.';
comment on column tps_count.tps is 'Polling place, 13 digits.';
comment on column tps_count.listed is 'Voters first listed here by an imported list.';
comment on column tps_count.new is 'Voters first recorded here at the door.';
comment on column tps_count.arrived is 'Voters who stand here now and were first at another TPS.';
comment on column tps_count.departed is 'Voters who were first here and stand at another TPS now.';
comment on column tps_count.removed is 'Voters who stand here and are off the list (tersaring), for any reason.';
comment on column tps_count.on_list is 'Voters on the list here now.';
comment on column tps_count.visited is 'Voters here with a result: any verdict but unvisited, or a removal proposed.';
comment on column tps_count.sesuai is 'Listed, confirmed, nothing changed.';
comment on column tps_count.ubah is 'Listed, confirmed, particulars changed.';
comment on column tps_count.baru is 'Recorded at the door and confirmed.';
comment on column tps_count.unvisited is 'On the list with no verdict yet (belum dicoklit).';
comment on column tps_count.not_met is 'Of the unvisited: somebody came and did not meet them.';
comment on column tps_count.proposed is 'Voters here with a removal that waits for a ruling.';
comment on column tps_count.in_conflict is 'Voters here with an open conflict.';
comment on column tps_count.deceased is 'Removed: deceased.';
comment on column tps_count.moved_away is 'Removed: moved out of the village.';
comment on column tps_count.duplicate is 'Removed: listed twice.';
comment on column tps_count.underage is 'Removed: under age and not married.';
comment on column tps_count."foreign" is 'Removed: not a citizen.';
comment on column tps_count.military is 'Removed: serves in the TNI.';
comment on column tps_count.police is 'Removed: serves in the Polri.';
comment on column tps_count.revoked is 'Removed: right to vote revoked by a court.';
comment on column tps_count.unknown is 'Removed: ruled unknown.';
comment on column tps_count.entry_error is 'Removed: ruled an error of entry.';
comment on column tps_count.male is 'On the list: sex L.';
comment on column tps_count.female is 'On the list: sex P.';
comment on column tps_count.sex_unknown is 'On the list: sex not recorded, or its person absent.';
comment on column tps_count.physical is 'On the list: physical disability.';
comment on column tps_count.intellectual is 'On the list: intellectual disability.';
comment on column tps_count.mental is 'On the list: mental disability.';
comment on column tps_count.speech is 'On the list: speech disability.';
comment on column tps_count.hearing is 'On the list: hearing disability.';
comment on column tps_count.visual is 'On the list: visual disability.';
comment on column tps_count.ektp is 'On the list: has a KTP-el.';
comment on column tps_count.ektp_none is 'On the list: has no KTP-el yet.';
comment on column tps_count.ektp_unknown is 'On the list: whether there is a KTP-el was not recorded, or its person is absent.';

create function count_voters() returns trigger language plpgsql as $count$
declare
    sign integer := tg_argv[0];
    path_before text := current_setting('search_path');
begin
    -- Planned once a session, and still written to the schema that the rows are in, whatever that is called today.
    perform set_config('search_path', quote_ident(tg_table_schema) || ', pg_temp', true);
    with kind as (
        -- Voters alike in all that is counted, together: there are far fewer kinds than voters.
        select
            regency, first_tps, tps, verdict, reason, source is not null as was_listed, changed, sex, disability,
            -- A quote inside a value is escaped, so that only the member itself is found.
            case left(split_part(record, '"ektp":"', 2), 1) when 'S' then 'S' when 'B' then 'B' end as ektp,
            proposed is not null as is_proposed, conflicts is not null as is_disputed, attempts > 0 as was_missed,
            sign * count(*) as n
        from change
        group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
    ),
    place as (
        select k.*, p.at_tps, p.first, p.stays
        from kind k
        cross join lateral (values
            (k.tps, k.first_tps = k.tps, true),
            (k.first_tps, true, false)
        ) as p (at_tps, first, stays)
        where k.n <> 0 and (p.stays or k.first_tps <> k.tps)
    )
    insert into tps_count as known (regency, tps, listed, new, arrived, departed, removed, on_list, visited, sesuai, ubah, baru, unvisited, not_met, proposed, in_conflict, deceased, moved_away, duplicate, underage, "foreign", military, police, revoked, unknown, entry_error, male, female, sex_unknown, physical, intellectual, mental, speech, hearing, visual, ektp, ektp_none, ektp_unknown)
    select
        regency,
        at_tps,
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
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and disability = 'visual'), 0) as visual,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and ektp = 'S'), 0) as ektp,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and ektp = 'B'), 0) as ektp_none,
        coalesce(sum(n) filter (where stays and verdict in ('confirmed', 'unvisited') and ektp is null), 0) as ektp_unknown
    from place
    group by regency, at_tps
    order by regency, at_tps
    on conflict (regency, tps) do update set
        listed = known.listed + excluded.listed,
        new = known.new + excluded.new,
        arrived = known.arrived + excluded.arrived,
        departed = known.departed + excluded.departed,
        removed = known.removed + excluded.removed,
        on_list = known.on_list + excluded.on_list,
        visited = known.visited + excluded.visited,
        sesuai = known.sesuai + excluded.sesuai,
        ubah = known.ubah + excluded.ubah,
        baru = known.baru + excluded.baru,
        unvisited = known.unvisited + excluded.unvisited,
        not_met = known.not_met + excluded.not_met,
        proposed = known.proposed + excluded.proposed,
        in_conflict = known.in_conflict + excluded.in_conflict,
        deceased = known.deceased + excluded.deceased,
        moved_away = known.moved_away + excluded.moved_away,
        duplicate = known.duplicate + excluded.duplicate,
        underage = known.underage + excluded.underage,
        "foreign" = known."foreign" + excluded."foreign",
        military = known.military + excluded.military,
        police = known.police + excluded.police,
        revoked = known.revoked + excluded.revoked,
        unknown = known.unknown + excluded.unknown,
        entry_error = known.entry_error + excluded.entry_error,
        male = known.male + excluded.male,
        female = known.female + excluded.female,
        sex_unknown = known.sex_unknown + excluded.sex_unknown,
        physical = known.physical + excluded.physical,
        intellectual = known.intellectual + excluded.intellectual,
        mental = known.mental + excluded.mental,
        speech = known.speech + excluded.speech,
        hearing = known.hearing + excluded.hearing,
        visual = known.visual + excluded.visual,
        ektp = known.ektp + excluded.ektp,
        ektp_none = known.ektp_none + excluded.ektp_none,
        ektp_unknown = known.ektp_unknown + excluded.ektp_unknown;
    perform set_config('search_path', path_before, true);
    return null;
end
$count$;
comment on function count_voters() is 'Adds what a statement brought to tps_count, and takes off what it took away. A voter counts at its first TPS and at its present one.';

create function watch_voters(relation regclass) returns void language plpgsql as $watch$
begin
    execute format('create or replace trigger voters_come after insert on %s referencing new table as change for each statement execute function count_voters(''1'')', relation);
    execute format('create or replace trigger voters_go after delete on %s referencing old table as change for each statement execute function count_voters(''-1'')', relation);
    execute format('create or replace trigger voters_change after update on %s referencing new table as change for each statement execute function count_voters(''1'')', relation);
    execute format('create or replace trigger voters_change_from after update on %s referencing old table as change for each statement execute function count_voters(''-1'')', relation);
end
$watch$;
comment on function watch_voters(regclass) is 'Keeps tps_count with every statement on a relation of voters. The projector writes to a regency''s partition, which the triggers of the whole table do not see: each has its own.';

select watch_voters('voter');

create table day_count (
    n           bigint not null,
    day         date   not null,
    regency     text   not null,
    tps         text   not null,
    officer     text   not null,
    role        text   not null,
    kind        text   not null,
    primary key (regency, tps, officer, role, day, kind)
) partition by list (regency);
comment on table day_count is 'The work of each officer on each day, in entries that count, kept by the database itself. A voter visited twice is two entries. A row stays when its count is 0 again.';
comment on column day_count.n is 'Entries that count.';
comment on column day_count.day is 'The day of the visit where the entry says it, else the day on the device''s own clock: evidence, not order.';
comment on column day_count.regency is 'Regency code, 4 digits.';
comment on column day_count.tps is 'The roll being worked on, 13 digits.';
comment on column day_count.officer is 'Who stood at the door: an id.';
comment on column day_count.role is 'pantarlih, pps, ppk or kpu.';
comment on column day_count.kind is 'sesuai (found, nothing changed), ubah (found, particulars changed), baru (new), else the event''s type: moved, deceased, disqualified, not_met, reopened, ruled.';

create function count_work() returns trigger language plpgsql as $count$
declare
    sign integer := tg_argv[0];
    path_before text := current_setting('search_path');
begin
    -- Planned once a session, and still written to the schema that the rows are in, whatever that is called today.
    perform set_config('search_path', quote_ident(tg_table_schema) || ', pg_temp', true);
    with entry as (
        select
            regency,
            -- Canonical bytes: a quote inside a value is escaped, so that only the member itself is found.
            split_part(split_part(body, '"visited":"', 2), '"', 1) as visited,
            split_part(split_part(body, '"at":"', 2), 'T', 1) as at,
            split_part(split_part(body, '"tps":"', 2), '"', 1) as tps,
            split_part(split_part(body, '"officer":"', 2), '"', 1) as officer,
            split_part(split_part(body, '"role":"', 2), '"', 1) as role,
            split_part(split_part(body, '"type":"', 2), '"', 1) as type,
            strpos(body, '"changed":') > 0 as changed
        from (
            select regency, convert_from(body, 'UTF8') as body
            from change
            -- A listing is no work and ends so: it is passed over unread.
            where standing = 'counted' and substring(body from octet_length(body) - 68 for 15) <> '"type":"listed"'
            offset 0
        ) as counted
    ),
    alike as (
        select regency, visited, at, tps, officer, role, type, changed, count(*) as n
        from entry
        where type <> 'listed'
        group by 1, 2, 3, 4, 5, 6, 7, 8
    )
    insert into day_count as known (n, day, regency, tps, officer, role, kind)
    select
        sign * sum(n),
        coalesce(nullif(visited, ''), at)::date as day,
        regency,
        tps,
        officer,
        role,
        case
            when type = 'new' then 'baru'
            when type <> 'found' then type
            when changed then 'ubah'
            else 'sesuai'
        end as kind
    from alike
    group by regency, tps, officer, role, day, kind
    order by regency, tps, officer, role, day, kind
    on conflict (regency, tps, officer, role, day, kind) do update set n = known.n + excluded.n;
    perform set_config('search_path', path_before, true);
    return null;
end
$count$;
comment on function count_work() is 'Adds what a statement brought to day_count, and takes off what it took away.';

create function watch_events(relation regclass) returns void language plpgsql as $watch$
begin
    execute format('create or replace trigger events_come after insert on %s referencing new table as change for each statement execute function count_work(''1'')', relation);
    execute format('create or replace trigger events_go after delete on %s referencing old table as change for each statement execute function count_work(''-1'')', relation);
    execute format('create or replace trigger events_change after update on %s referencing new table as change for each statement execute function count_work(''1'')', relation);
    execute format('create or replace trigger events_change_from after update on %s referencing old table as change for each statement execute function count_work(''-1'')', relation);
end
$watch$;
comment on function watch_events(regclass) is 'Keeps day_count with every statement on a relation of events, as watch_voters does tps_count.';

select watch_events('event');

create table step_mark (
    revision    bigint not null,
    events      bigint not null,
    persons     bigint not null,
    registry    bigint not null,
    regency     text   not null,
    at          timestamptz not null default clock_timestamp(),
    primary key (regency, revision)
) partition by list (regency);
create index step_mark_events on step_mark (regency, events);
comment on table step_mark is 'What each step had applied: by which registry the rows as of an earlier position were judged, and which position a moment had.';
comment on column step_mark.revision is 'The step''s number.';
comment on column step_mark.events is 'Events applied after the step, by stream sequence.';
comment on column step_mark.persons is 'Persons applied after the step, by stream sequence.';
comment on column step_mark.registry is 'Registry position that the rows were judged by after the step.';
comment on column step_mark.regency is 'Regency code, 4 digits.';
comment on column step_mark.at is 'The database''s clock when the step was applied: after a rebuild, that of the rebuild.';

create function my_areas() returns text[] language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $areas$
declare
    this oid;
    office text;
    areas text[];
begin
    if pg_has_role(session_user, 'ecoklit_reader', 'set') then
        -- The service, which says for whom it asks. Nobody else may take its role, so nobody else is believed.
        return (
            select array_agg(case area when '*' then '%' else area || '%' end)
            from unnest(string_to_array(current_setting('ecoklit.areas', true), ',')) as said (area)
            -- What is no code of an area would be a pattern of its own.
            where area ~ '^([0-9]{4}|[0-9]{6}|[0-9]{10}|[0-9]{13}|[*])$'
        );
    end if;
    -- A schema that was made anew takes another's name: which one this is, is asked each time.
    get diagnostics this = pg_routine_oid;
    select n.nspname || '_office' into office from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.oid = this;
    if to_regclass(format('%I.sql_area', office)) is not null then
        execute format(
            'select array_agg(s.area || ''%%'') from %1$I.sql_area s join %1$I.account a on a.account = s.account'
            ' where s.login = $1 and a.closed_at is null and s.area ~ ''^([0-9]{4}|[0-9]{6}|[0-9]{10}|[0-9]{13})$''',
            office
        ) into areas using session_user::text;
    end if;
    return areas;
end
$areas$;
comment on function my_areas() is 'The areas that whoever asks may see, as patterns of TPS codes; NULL, and so no row, when there are none. The service says them for its account (ecoklit.areas, with commas between; * for itself); a person with a login of their own has those of sql_area in the schema of the office, while the account is open.';

create function may_unmask() returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp
    return pg_has_role(session_user, 'ecoklit_reader', 'set') and current_setting('ecoklit.unmasked', true) = 'on';
comment on function may_unmask() is 'Whether identity numbers are shown whole: only to the service, which writes down first who asked and why.';

create function disability_shown(of_regency text, in_area text, at_level text)
returns table (area text, physical bigint, intellectual bigint, mental bigint, speech bigint, hearing bigint, visual bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with part as (
        -- Families of areas: those that the area asked about lies in, and those within it.
        select
            left(t.tps, l.digits) as code, left(t.tps, l.above) as parent, sum(t.on_list) as on_list,
            array[sum(t.physical), sum(t.intellectual), sum(t.mental), sum(t.speech), sum(t.hearing), sum(t.visual)] as counts
        from tps_count t
        cross join (values (4, 0), (6, 4), (10, 6), (13, 10)) as l (digits, above)
        where t.regency = of_regency
            and (t.listed <> 0 or t.new <> 0 or t.arrived <> 0)
            and l.digits <= case at_level when 'regency' then 4 when 'district' then 6 when 'village' then 10 else 13 end
            and (starts_with(in_area, left(t.tps, l.above)) or starts_with(left(t.tps, l.above), in_area))
        group by 1, 2
    ),
    cell as (
        select
            p.code, p.on_list, c.k, c.n,
            sum(c.n) over family as all_n,
            sum(c.n) filter (where c.n < 5) over family as inside,
            count(*) filter (where c.n < 5 and p.on_list >= 5) over family as helping,
            bool_or(c.n < 5 and (c.n > 0 or p.on_list between 1 and 4)) over family as is_told
        from part p
        cross join unnest(p.counts) with ordinality as c (n, k)
        window family as (partition by p.parent, c.k)
    ),
    judged as (
        select
            code, k, n, on_list,
            is_told and on_list > 0 and all_n > 0
            and case when helping < 2 or inside > helping * 4 - 2 then true else n < 5 and inside > 0 end as is_out
        from cell
    ),
    told as (
        -- Left out with an area is what lies in it. No function of the rows is asked once a row, nor are they held
        -- against each other: a regency has thousands of TPS.
        select
            code, k,
            case
                when on_list > 0 and (
                    is_out
                    or bool_or(is_out and length(code) = 10) over (partition by k, left(code, 10))
                    or bool_or(is_out and length(code) = 6) over (partition by k, left(code, 6))
                    or bool_or(is_out and length(code) = 4) over (partition by k, left(code, 4))
                ) then null
                else n
            end as n
        from judged
    )
    select
        code,
        max(n) filter (where k = 1)::bigint,
        max(n) filter (where k = 2)::bigint,
        max(n) filter (where k = 3)::bigint,
        max(n) filter (where k = 4)::bigint,
        max(n) filter (where k = 5)::bigint,
        max(n) filter (where k = 6)::bigint
    from told
    where code like any ((select my_areas())::text[])
    group by code;
end;
comment on function disability_shown(text, text, text) is 'Of a regency, an area in it and a level: how many people on the list have each disability, in the areas of that level and those above that whoever asks may see. NULL where one to four people would be known, or would follow from what is shown (src/ecoklit/core/suppression.py says the rule); the pattern is that of the whole regency, whoever asks.';

create function hidden(word text) returns text language sql stable
    return case
        when length(word) <> 16 then word  -- most are told by that, which costs least
        when word ~ '^[0-9]{16}$' and may_unmask() is not true then left(word, 6) || '**********'
        else word
    end;
comment on function hidden(text) is 'A word or a particular as it may be shown: where somebody has put an identity number, six digits and stars.';

create function hidden_event(body bytea) returns json language sql stable
    return case
        when may_unmask() then convert_from(body, 'UTF8')
        else regexp_replace(convert_from(body, 'UTF8'), '"([0-9]{6})[0-9]{10}"', '"\1**********"', 'g')
    end::json;
comment on function hidden_event(bytea) is 'An event as it may be shown: whoever put an identity number into a word of it, it has six digits and stars.';

alter table voter enable row level security;
create policy seen on voter for select using (tps like any ((select my_areas())::text[]));
alter table tps_count enable row level security;
create policy seen on tps_count for select using (tps like any ((select my_areas())::text[]));
alter table day_count enable row level security;
create policy seen on day_count for select using (tps like any ((select my_areas())::text[]));
alter table placement enable row level security;
create policy seen on placement for select using (tps like any ((select my_areas())::text[]));
-- What is known by its voter alone is seen with the voter; who has a whole regency sees what has no voter that counts, too.
alter table event enable row level security;
create policy seen on event for select using (
    regency like any ((select my_areas())::text[])
    or exists (select from voter where voter.regency = event.regency and voter.voter = event.voter)
);
alter table side enable row level security;
create policy seen on side for select using (
    exists (select from voter where voter.regency = side.regency and voter.voter = side.voter)
);
alter table waiting enable row level security;
create policy seen on waiting for select using (
    exists (select from voter where voter.regency = waiting.regency and voter.voter = waiting.voter)
);
alter table person enable row level security;
create policy seen on person for select using (
    exists (select from event where event.regency = person.regency and event.device = person.device and event.seq = person.seq)
);
alter table orphan enable row level security;
create policy seen on orphan for select using (regency like any ((select my_areas())::text[]));
