"""People with SQL try everything: every relation, column, function, role, setting and door of the database.

The lists of what is tried come from the catalog itself: a new table, view or function is in the matrix by being there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg
import pytest
import pytest_asyncio

from ecoklit.adapters.embedded_postgres import EmbeddedPostgres
from ecoklit.adapters.postgres import PostgresRoll
from ecoklit.adapters.postgres_schema import prepare, prepare_office
from ecoklit.adapters.postgres_sql_people import PostgresSqlPeople
from ecoklit.contract import data_path, policies
from ecoklit.errors import EcoklitError
from ecoklit.services.project import Projector
from ecoklit.services.sql_people import open_sql
from ecoklit.testing.memory_journal import MemoryJournal
from ecoklit.testing.random_history import ELECTION, REGENCY, RandomHistory, append_all

DICTIONARY: Final = Path(__file__).parents[2] / "docs" / "DATA_DICTIONARY.md"
NOW: Final = datetime(2024, 7, 1, tzinfo=UTC)
PASSWORD: Final = "made up for this test only"
AREAS: Final = {
    "regency": (REGENCY,),
    "village": ("9404012001",),
    "tps": ("9404021001001",),
    "two": ("9404012002", "9404012001001"),
    "elsewhere": ("7371",),
}
"""Whose login it is, and where: one more has an account that was closed."""
PLACED: Final = {"voter_list": "tps", "open_conflicts": "tps", "proposals": "tps", "roll_leaves": "tps"}
"""Of each view that has one, the column that says where a row belongs by itself."""
OPEN_FUNCTIONS: Final = {
    "shown", "leaf_hash", "my_areas", "may_unmask", "disability_shown", "hidden", "hidden_event"
}  # fmt: skip
MISPLACED: Final = """
update voter set source = '9404010101900001' where tps = '9404012001002';
update voter set record = regexp_replace(record, '"(name|address)":"[^"\\\\]*"', '"\\1":"9404010101900001"', 'g')
where tps = '9404012001001';
update side set value = '9404010101900001' where register = 'name';
update event set body = convert_to(
    regexp_replace(convert_from(body, 'UTF8'), '"officer":"[^"]*"', '"officer":"9404010101900001"'), 'UTF8'
) where standing in ('counted', 'late', 'parked')
"""
"""Identity numbers where nobody should have put them."""
NO_BARRIER: Final = {"roll_leaves", "voter_history", "device_health"}
"""Views that leave out no row which the areas do not leave out already: all of it is counted or shown."""
WHOLE_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{16}(?![0-9])")

RELATIONS: Final = """
select c.oid::regclass::text as name, c.relname as view, c.relkind::text as kind,
    array(select quote_ident(attname) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
          order by attnum) as columns
from pg_class c
where c.relnamespace::regnamespace::text = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
order by 1
"""
FUNCTIONS: Final = "select oid, proname from pg_proc where pronamespace::regnamespace::text = any ($1) order by 1"


class Database(NamedTuple):
    server: EmbeddedPostgres
    schema: str
    people: PostgresSqlPeople
    logins: dict[str, str]

    @property
    def schemas(self) -> list[str]:
        return [self.schema, f"{self.schema}_office"]

    @asynccontextmanager
    async def service(self, dsn: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            dsn or self.server.dsn, server_settings={"search_path": self.schema, "ecoklit.areas": "*"}
        )
        yield connection
        await connection.close()

    @asynccontextmanager
    async def person(self, who: str) -> AsyncIterator[asyncpg.Connection]:
        # Over the socket no password is asked: what it is worth, the last test of this file says.
        connection = await asyncpg.connect(self.server.dsn, user=self.logins[who], database="ecoklit")
        yield connection
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def database(postgres_server: EmbeddedPostgres) -> AsyncIterator[Database]:
    schema = f"test_{uuid.uuid4().hex[:16]}"
    history, journal = RandomHistory(21, events=500), MemoryJournal()
    await append_all(journal, history.arrivals)
    store = PostgresRoll(postgres_server.dsn, election=ELECTION, regency=REGENCY, schema=schema)
    await Projector(journal, store, policies(), election=ELECTION, regency=REGENCY).run_until_caught_up()
    await store.close()
    people = PostgresSqlPeople(postgres_server.dsn, schema=schema)
    logins = {who: f"{who}.{schema}" for who in (*AREAS, "closed")}
    made = Database(postgres_server, schema, people, logins)
    async with made.service() as connection:
        await prepare_office(connection, schema)
        # The made-up histories disagree on short numbers only.
        await connection.execute(f"update {schema}.side set value = value || '9404010101900001' where register = 'nik'")
        # Whatever has room for a number has one somewhere: sources, officers and names.
        await connection.execute(f"set search_path = {schema}; {MISPLACED}; set search_path = {schema}_office")
        await connection.execute(f"analyze {schema}.voter, {schema}.event, {schema}.side")
        for who, login in logins.items():
            await connection.execute(
                "insert into account (login, role, areas, officer, made_by) values ($1, 'analyst', $2, 'o-1', 'shell')",
                login,
                list(AREAS.get(who, (REGENCY,))),
            )
            await open_sql(people, login, (), PASSWORD, 30, NOW)
        await connection.execute("update account set closed_at = now() where login = $1", logins["closed"])
    yield made
    async with made.service() as connection:
        for login in logins.values():
            await connection.execute(f'drop role if exists "{login}"')
        await connection.execute(f"drop schema {schema}_office cascade; drop schema {schema} cascade")


async def shown(connection: asyncpg.Connection, statement: str) -> list[asyncpg.Record] | None:
    """The rows of a statement; None when the database refuses it for want of a right."""
    try:
        return list(await connection.fetch(statement))
    except asyncpg.InsufficientPrivilegeError:
        return None


async def test_every_relation_and_column_is_shut_but_the_documented_views(database: Database) -> None:
    """Whoever has a login selects from the views of the data dictionary, and no column of any other relation."""
    documented = set(re.findall(r"## (\w+)\n\n.*Read by `ecoklit_analyst`", DICTIONARY.read_text()))
    async with database.service() as service:
        relations = await service.fetch(RELATIONS, database.schemas)
    assert len(relations) > 45 and len(documented) > 8
    for who in ("regency", "tps", "closed"):
        async with database.person(who) as person:
            for relation in relations:
                is_open = relation["view"] in documented and relation["kind"] == "v"
                for column in relation["columns"]:
                    rows = await shown(person, f"select {column} from {relation['name']} limit 1")
                    assert (rows is not None) == is_open, (who, relation["name"], column)


async def test_nobody_writes_anywhere(database: Database) -> None:
    """No row comes, changes or goes by a person, nor anything that rows could be kept in."""
    async with database.service() as service:
        relations = await service.fetch(RELATIONS, database.schemas)
    async with database.person("regency") as person:
        for relation in relations:
            name, column = relation["name"], relation["columns"][0]
            for statement in (
                f"insert into {name} default values", f"update {name} set {column} = null", f"delete from {name}",
                f"truncate {name}", f"drop {'view' if relation['kind'] == 'v' else 'table'} {name}",
                f"lock {name} in exclusive mode", f"copy {name} from stdin",
                f"create trigger t after insert on {name} execute function shown()",
                f"comment on {'view' if relation['kind'] == 'v' else 'table'} {name} is 'mine'",
            ):  # fmt: skip
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError,
                                    asyncpg.WrongObjectTypeError, asyncpg.NoActiveSQLTransactionError,
                                    asyncpg.UndefinedFunctionError, asyncpg.GeneratedAlwaysError)):  # fmt: skip
                    await person.execute(statement)
        for statement in (
            "create table t ()", "create temporary table t ()", f"create table {database.schema}.t ()",
            f"create view {database.schema}.v as select 1", "create schema mine", "create extension dblink",
            "create function public.f() returns int language sql return 1", "create role other",
            "create database other",
            f"create function {database.schema}.f() returns int language sql return 1",
            "create function pg_temp.f() returns int language sql return 1",
        ):  # fmt: skip
            assert await shown(person, statement) is None, statement


@pytest.mark.parametrize("who", [*AREAS, "closed"])
async def test_everybody_sees_the_rows_of_their_areas_and_no_other(database: Database, who: str) -> None:
    """Of every view with places, exactly the whole's rows there; whoever has no open account and area sees nothing."""
    areas = AREAS.get(who, ())
    async with database.service() as service, database.person(who) as person:
        views = [row["view"] for row in await service.fetch(RELATIONS, database.schemas) if row["kind"] == "v"]
        for view in views:
            rows = await shown(person, f"select * from {view}")
            if rows is None:
                continue
            if who in ("elsewhere", "closed"):
                assert rows == [], view
            elif view in PLACED:
                whole = await service.fetch(f"select * from {view}")
                own = [row for row in whole if row[PLACED[view]].startswith(areas)]
                assert set(map(repr, rows)) ^ set(map(repr, own)) == set(), view
        if areas and who != "elsewhere":
            assert await person.fetchval("select count(*) from voter_list") > 1


async def test_no_number_is_whole_anywhere(database: Database) -> None:
    """Of all that the widest login can read, no identity number has more than its first six digits."""
    async with database.service() as service:
        await service.execute("set ecoklit.unmasked = on")
        numbers = {row["nkk"] for row in await service.fetch("select nkk from listed_voter")} - {None, ""}
        assert any(WHOLE_NUMBER.fullmatch(number) for number in numbers)
        views = [row["view"] for row in await service.fetch(RELATIONS, database.schemas) if row["kind"] == "v"]
        for hiding in ("name", "source"):
            listed = await service.fetch(f"select {hiding} as word from voter_list")
            assert any(WHOLE_NUMBER.fullmatch(row["word"] or "") for row in listed), hiding
        assert WHOLE_NUMBER.search(str(await service.fetch("select event from voter_history")))
        contested = "select value from open_conflicts where register = 'nik' and length(value) > 6"
        whole = {row["value"] for row in await service.fetch(contested)}
    async with database.person("regency") as person:
        read = 0
        for view in views:
            for row in await shown(person, f"select * from {view}") or []:
                assert WHOLE_NUMBER.search(" ".join(map(str, row.values()))) is None, view
                read += 1
        masked = {row["value"] for row in await person.fetch(contested)}
    assert read > 500
    assert whole and not any("*" in value for value in whole)
    assert masked == {value[:6] + "*" * (len(value) - 6) for value in whole}


@pytest_asyncio.fixture(loop_scope="session")
async def peek(database: Database) -> AsyncIterator[str]:
    """A function that tells all it is given, and as cheap as can be: it is called before everything that it may."""
    name = f"public.peek_{database.schema}"
    async with database.service(database.server.owner_dsn.replace("/postgres?", "/ecoklit?")) as owner:
        await owner.execute(
            f"create function {name}(anyelement) returns boolean language plpgsql cost 0.0000001 as"
            " $$ begin raise warning '%', $1; return true; end $$"
        )
        yield name
        await owner.execute(f"drop function {name}(anyelement)")


async def told_beyond(person: asyncpg.Connection, view: str, column: str, peek: str) -> set[str]:
    """What `peek` in a condition was given of a column, beyond what the view shows of it."""
    rows = await shown(person, f"select format('%s', {column}) as said from {view}")
    told: list[str] = []

    def listen(_: object, message: Any) -> None:
        told.append(message.message)

    person.add_log_listener(listen)
    if rows is not None:
        await person.fetch(f"select 1 from {view} where {peek}({column})")
        assert told or not rows, "it was called"
    person.remove_log_listener(listen)
    return set(told) - {row["said"] for row in rows or ()} - {"<NULL>"}


async def test_what_a_condition_calls_sees_no_more_than_the_view(database: Database, peek: str) -> None:
    """A function in a WHERE is given what the view shows, and nothing that it leaves out."""
    async with database.service() as service:
        relations = [row for row in await service.fetch(RELATIONS, database.schemas) if row["kind"] == "v"]
    async with database.person("village") as person:
        for relation in relations:
            for column in relation["columns"]:
                assert not await told_beyond(person, relation["name"], column, peek), (relation["name"], column)


async def test_a_view_without_a_barrier_would_tell(database: Database, peek: str) -> None:
    """The same question to a view that is none of ours, without a barrier, does tell what that leaves out."""
    view = f"{database.schema}.bare"
    async with database.service() as service, database.person("village") as person:
        await service.execute(f"create view {view} as select voter, tps from voter where tps ~ '1$'")
        await service.execute(f"alter view {view} owner to ecoklit_views; grant select on {view} to ecoklit_analyst")
        try:
            assert await told_beyond(person, view, "voter", peek)
        finally:
            await service.execute(f"drop view {view}")


async def test_a_view_that_leaves_rows_out_is_a_barrier(database: Database) -> None:
    """Every view that people may read has security_barrier, unless it is named here with the reason."""
    async with database.service() as service:
        views = await service.fetch(
            """
            select relname, coalesce('security_barrier=true' = any (reloptions), false) as is_barrier from pg_class
            where relnamespace = $1::regnamespace and relkind = 'v'
                and has_table_privilege('ecoklit_analyst', oid, 'select')
            """,
            database.schema,
        )
    assert {row["relname"] for row in views if not row["is_barrier"]} == NO_BARRIER


async def test_nobody_becomes_somebody_else(database: Database) -> None:
    """No role can be taken, given or changed, and nobody is more than a login with the analyst's rights."""
    async with database.service() as service:
        roles = [row["rolname"] for row in await service.fetch("select rolname from pg_roles")]
    async with database.person("village") as person:
        me = database.logins["village"]
        for role in roles:
            for statement in (
                f'set role "{role}"', f'set session authorization "{role}"', f'grant "{role}" to "{me}"',
                f'grant ecoklit_analyst to "{role}"', f'alter role "{role}" createrole',
                f'alter role "{role}" bypassrls', f'alter role "{role}" connection limit 1000',
                f"alter role \"{role}\" valid until 'infinity'", f'drop role "{role}"',
            ):  # fmt: skip
                if role != me or statement.startswith(("alter", "grant", "drop")):
                    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidGrantOperationError,
                                        asyncpg.ReservedNameError, asyncpg.FeatureNotSupportedError,
                                        asyncpg.ObjectInUseError)):  # fmt: skip
                        await person.execute(statement)
        own = await person.fetchrow("select * from pg_roles where rolname = session_user")
        assert own is not None
        assert not any(own[f"rol{right}"] for right in ("super", "createrole", "createdb", "replication", "bypassrls"))
        assert await person.fetchval("select current_user") == me


@pytest.mark.parametrize(
    "trick",
    [
        "set ecoklit.areas = '*'", "set ecoklit.areas = '9404'", "set ecoklit.unmasked = 'on'",
        "set row_security = off", "set role none", "reset role",
        "select set_config('ecoklit.areas', '*', false), set_config('ecoklit.unmasked', 'on', false)",
        "set search_path = pg_temp, pg_catalog", "set local ecoklit.areas = '*'",
        "set plan_cache_mode = force_generic_plan",
        "set session_replication_role = replica", "set default_transaction_read_only = off",
        "alter role current_user set ecoklit.areas = '*'", "set jit = on", "set debug_discard_caches = 1",
    ],
)  # fmt: skip
async def test_no_setting_widens_what_is_seen(database: Database, trick: str) -> None:
    """What a session says of itself proves nothing: rows and masks stay, or the database refuses to answer at all."""
    rows = f"select tps, nik, nkk from {database.schema}.voter_list order by voter"
    async with database.person("village") as person:
        before = await person.fetch(rows)
        async with person.transaction():
            try:
                async with person.transaction():
                    await person.execute(trick)
            except (asyncpg.InsufficientPrivilegeError, asyncpg.CantChangeRuntimeParamError):
                pass
            try:
                after = await person.fetch(rows)
            except asyncpg.InsufficientPrivilegeError:  # row_security = off asks to be refused
                after = before
        assert after == before and before
    async with database.person("village") as again:
        assert await again.fetch(rows) == before


async def test_only_what_views_call_can_be_called(database: Database) -> None:
    """Of our functions a person calls those of the views, and of another area they tell nothing."""
    async with database.service() as service:
        functions = await service.fetch(FUNCTIONS, database.schemas)
        for login in database.logins.values():
            may = {
                row["proname"]
                for row in functions
                if await service.fetchval("select has_function_privilege($1, $2::oid, 'execute')", login, row["oid"])
            }
            assert may - {"refuse_change"} <= OPEN_FUNCTIONS
    async with database.person("village") as person:
        assert await person.fetchval("select my_areas()") == ["9404012001%"]
        assert await person.fetchval("select may_unmask()") is False


@pytest.mark.parametrize(
    "door",
    [
        "select pg_read_file('postgresql.conf')", "select pg_read_binary_file('PG_VERSION')", "select pg_ls_dir('.')",
        "select pg_stat_file('PG_VERSION')", "select pg_ls_logdir()", "select pg_ls_waldir()", "select pg_ls_tmpdir()",
        "copy (select 1) to '/tmp/out'", "copy (select 1) to program 'true'", "select lo_create(0)",
        "select lo_creat(-1)",
        "select lo_from_bytea(0, 'x')", "select lo_import('/etc/passwd')", "select lo_export(1, '/tmp/out')",
        "select lo_put(1, 0, 'x')", "select pg_reload_conf()", "select pg_rotate_logfile()", "select pg_switch_wal()",
        "select pg_logical_emit_message(true, 'x', 'y')", "select pg_stat_reset()", "checkpoint", "vacuum full",
        "select * from pg_authid", "select starelid from pg_statistic", "select stxoid from pg_statistic_ext_data",
        "select * from pg_largeobject", "select * from pg_hba_file_rules", "select * from pg_user_mapping",
        "select * from pg_subscription", "select * from pg_file_settings", "select pg_show_all_file_settings()",
        "do language plpython3u $$ $$", "load 'auto_explain'", "alter system set log_statement = 'all'",
        "select pg_create_physical_replication_slot('s')", "select pg_get_loaded_modules()",
    ],
)  # fmt: skip
async def test_no_door_of_the_server_opens(database: Database, door: str) -> None:
    """Files, programs, secrets, large objects, the log and the server itself are nobody's with a login for SQL."""
    async with database.person("regency") as person:
        try:
            rows = await person.fetch(door)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedObjectError):
            return
        assert door == "vacuum full" or rows == []


async def test_no_lock_of_the_projector_can_be_held(database: Database) -> None:
    """Every function of advisory locks is shut: whoever holds the projector's would stop it."""
    async with database.person("regency") as person:
        functions = await person.fetch(
            "select oid, proname from pg_proc"
            " where proname ~ '^pg_(try_)?advisory_' and pronamespace = 'pg_catalog'::regnamespace"
        )
        assert len(functions) > 15
        for row in functions:
            assert not await person.fetchval("select has_function_privilege($1::oid, 'execute')", row["oid"]), row
        assert await shown(person, "select pg_advisory_lock(1)") is None
    async with database.service() as service:
        assert await service.fetchval("select pg_try_advisory_lock(1)")


async def test_statistics_tell_no_value(database: Database) -> None:
    """What the planner remembers of our tables, values among it, is nobody's; nor is what others are asking."""
    async with database.service() as service, database.person("regency") as person:
        await service.execute("select 'asked by the service' as mine")
        of_ours = "select count(*) from {} where schemaname = any ($1)"
        assert await service.fetchval(of_ours.format("pg_stats"), database.schemas) > 0
        for statistics in ("pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"):
            assert await person.fetchval(of_ours.format(statistics), database.schemas) == 0
        asked = await person.fetch("select query from pg_stat_activity where usename <> session_user")
        assert asked and {row["query"] for row in asked} <= {"<insufficient privilege>", "", None}


async def test_a_plan_tells_no_value(database: Database) -> None:
    """An estimate for somebody of another area is the one for nobody at all."""
    async with database.service() as service:
        there = await service.fetchrow("select * from voter_list where tps = '9404021001001' and name <> '' limit 1")
    assert there is not None

    async def estimate(person: asyncpg.Connection, column: str, value: object) -> Any:
        plan = await person.fetchval(
            f"explain (format json) select 1 from voter_list where regency = '{REGENCY}' and {column} = '{value}'"
        )
        return re.findall(r'"Plan Rows": (\d+)', plan)

    async with database.person("village") as person:
        nobody = {"name": "NOBODY AT ALL", "birth_date": "1900-01-01", "address": "NOWHERE",
                  "voter": "00000000-0000-8000-8000-000000000000", "sex": "X", "disability": "none such"}  # fmt: skip
        for column, other in nobody.items():
            somebody = there[column] or other
            assert await estimate(person, column, somebody) == await estimate(person, column, other), column


async def test_other_databases_are_shut(database: Database) -> None:
    """A login is good for the one database that knows its areas."""
    for name in ("postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(database.server.dsn, user=database.logins["regency"], database=name)
    assert await database.people.left_open() == []


async def test_a_password_opens_until_its_day(postgres_folder: Path, unused_tcp_port: int) -> None:
    """Over TCP the password is asked for; another one, an older day, and a login that was dropped do not open.

    What a database leaves open to everybody is named, until an administrator has run projections/close.sql.
    """
    schema = "ecoklit"
    async with EmbeddedPostgres(postgres_folder / "a", port=unused_tcp_port, fsync=False) as server:
        service = await asyncpg.connect(server.dsn)
        await prepare(service, schema)
        await prepare_office(service, schema)
        await service.execute(
            "insert into account (login, role, areas, officer, made_by)"
            " values ('rina', 'kpu', '{9404}', 'o-1', 'shell')"
        )
        people = PostgresSqlPeople(server.dsn)

        async def opens(password: str) -> bool:
            try:
                person = await asyncpg.connect(
                    host="127.0.0.1", port=unused_tcp_port, user="rina", password=password, database="ecoklit"
                )
            except asyncpg.InvalidPasswordError:
                return False
            assert await person.fetch("select * from voter_list") == []
            await person.close()
            return True

        now = datetime.now(UTC)
        await open_sql(people, "rina", ("940401",), PASSWORD, 30, now)
        assert [(one.login, one.areas) for one in await people.logins()] == [("rina", ("940401",))]
        assert await opens(PASSWORD) and not await opens("another password")
        stored = await _stored(server, "rina")
        assert stored.startswith("SCRAM-SHA-256$") and PASSWORD not in stored
        await open_sql(people, "rina", (), "made up anew for this", 30, now)
        assert await opens("made up anew for this") and not await opens(PASSWORD)
        assert (await people.logins())[0].areas == ("9404",)
        await open_sql(people, "rina", (), PASSWORD, 1, now - timedelta(days=2))
        assert not await opens(PASSWORD)
        await people.close_to("rina")
        assert not await opens(PASSWORD) and await people.logins() == []
        with pytest.raises(EcoklitError, match="has no login for SQL"):
            await people.close_to("rina")
        await service.execute("create role stranger login")
        await service.execute("update account set login = 'stranger'")
        with pytest.raises(EcoklitError, match="was not made here"):
            await open_sql(people, "stranger", (), PASSWORD, 30, now)
        await service.close()
        owner = await asyncpg.connect(server.owner_dsn.replace("/postgres?", "/ecoklit?"))
        await owner.execute(
            "grant temporary on database ecoklit to public;"
            " grant execute on function pg_advisory_lock(bigint), lo_create(oid) to public"
        )
        assert await people.left_open() == ["temporary tables", "advisory locks", "large objects"]
        await owner.execute(data_path("projections", "close.sql").read_text())
        assert await people.left_open() == []
        await owner.close()


async def _stored(server: EmbeddedPostgres, login: str) -> str:
    owner = await asyncpg.connect(server.owner_dsn)
    found: str = await owner.fetchval("select rolpassword from pg_authid where rolname = $1", login)
    await owner.close()
    return found
