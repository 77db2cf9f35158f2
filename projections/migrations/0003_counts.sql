-- What the office asks for all day: the recap of every TPS, kept as it changes, and a mark of every step. What was counted
-- and marked of old rows nobody knows, so the roll is made anew from the journal.
truncate event, person, orphan, voter, side, waiting, placement;
delete from checkpoint;

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
begin
    execute format($statement$
        with change as (%s),
        kind as (
            -- Voters alike in all that is counted, together: there are far fewer kinds than voters.
            select
                regency, first_tps, tps, verdict, reason, source is not null as was_listed, changed, sex, disability,
                -- A quote inside a value is escaped, so that only the member itself is found.
                case when strpos(record, '"ektp":"S"') > 0 then 'S' when strpos(record, '"ektp":"B"') > 0 then 'B' end as ektp,
                proposed is not null as is_proposed, conflicts is not null as is_disputed, attempts > 0 as was_missed,
                sum(sign) as n
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
        insert into %I.tps_count as known (regency, tps, listed, new, arrived, departed, removed, on_list, visited, sesuai, ubah, baru, unvisited, not_met, proposed, in_conflict, deceased, moved_away, duplicate, underage, "foreign", military, police, revoked, unknown, entry_error, male, female, sex_unknown, physical, intellectual, mental, speech, hearing, visual, ektp, ektp_none, ektp_unknown)
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
            ektp_unknown = known.ektp_unknown + excluded.ektp_unknown
    $statement$, case tg_op
        when 'INSERT' then 'select 1 as sign, * from come'
        when 'DELETE' then 'select -1 as sign, * from gone'
        else 'select 1 as sign, * from come union all select -1, * from gone'
    end, tg_table_schema);
    return null;
end
$count$;
comment on function count_voters() is 'Adds what a statement brought to tps_count, and takes off what it took away. A voter counts at its first TPS and at its present one.';

create function watch_voters(relation regclass) returns void language plpgsql as $watch$
begin
    execute format('create or replace trigger voters_come after insert on %s referencing new table as come for each statement execute function count_voters()', relation);
    execute format('create or replace trigger voters_go after delete on %s referencing old table as gone for each statement execute function count_voters()', relation);
    execute format('create or replace trigger voters_change after update on %s referencing old table as gone new table as come for each statement execute function count_voters()', relation);
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
begin
    execute format($statement$
        with change as (%s)
        insert into %I.day_count as known (n, day, regency, tps, officer, role, kind)
        select
            sum(c.sign),
            coalesce(b.visited, left(b.at, 10))::date as day,
            c.regency,
            b.tps,
            b.officer,
            b.role,
            case
                when b.type = 'new' then 'baru'
                when b.type <> 'found' then b.type
                when b.changed is null then 'sesuai'
                else 'ubah'
            end as kind
        from change c
        cross join lateral json_to_record(convert_from(c.body, 'UTF8')::json) as b (
            visited text, at text, tps text, officer text, role text, type text, changed json
        )
        group by c.regency, b.tps, b.officer, b.role, day, kind
        having sum(c.sign) <> 0
        order by c.regency, b.tps, b.officer, b.role, day, kind
        on conflict (regency, tps, officer, role, day, kind) do update set n = known.n + excluded.n
    $statement$, case tg_op
        when 'INSERT' then $come$select 1 as sign, regency, body from come where standing = 'counted' and position($listed$"type":"listed"$listed$::bytea in body) = 0$come$
        when 'DELETE' then $gone$select -1 as sign, regency, body from gone where standing = 'counted' and position($listed$"type":"listed"$listed$::bytea in body) = 0$gone$
        else $both$select 1 as sign, regency, body from come where standing = 'counted' and position($listed$"type":"listed"$listed$::bytea in body) = 0
            union all select -1, regency, body from gone where standing = 'counted' and position($listed$"type":"listed"$listed$::bytea in body) = 0$both$
    end, tg_table_schema);
    return null;
end
$count$;
comment on function count_work() is 'Adds what a statement brought to day_count, and takes off what it took away.';

create function watch_events(relation regclass) returns void language plpgsql as $watch$
begin
    execute format('create or replace trigger events_come after insert on %s referencing new table as come for each statement execute function count_work()', relation);
    execute format('create or replace trigger events_go after delete on %s referencing old table as gone for each statement execute function count_work()', relation);
    execute format('create or replace trigger events_change after update on %s referencing old table as gone new table as come for each statement execute function count_work()', relation);
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

create function my_areas() returns text[] language plpgsql stable security definer set search_path = pg_catalog as $areas$
declare
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
    if to_regclass('ecoklit_office.sql_area') is not null then
        execute 'select array_agg(area || ''%'') from ecoklit_office.sql_area where login = $1 and area ~ ''^[0-9]{4,13}$''' into areas using session_user::text;
    end if;
    return areas;
end
$areas$;
comment on function my_areas() is 'The areas that whoever asks may see, as patterns of TPS codes; NULL, and so no row, when there are none. The service says them for its account (ecoklit.areas, with commas between; * for itself); a person with a login of their own has those of ecoklit_office.sql_area.';

create function may_unmask() returns boolean language sql stable security definer set search_path = pg_catalog
    return pg_has_role(session_user, 'ecoklit_reader', 'set') and current_setting('ecoklit.unmasked', true) = 'on';
comment on function may_unmask() is 'Whether identity numbers are shown whole: only to the service, which writes down first who asked and why.';

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
