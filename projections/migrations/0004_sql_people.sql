-- People with SQL: the office stands beside the projection under the projection's own name, whatever that is, and a closed
-- account opens nothing. A session's own temporary tables are looked up last.
create or replace function my_areas() returns text[] language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $areas$
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

create or replace function may_unmask() returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp
    return pg_has_role(session_user, 'ecoklit_reader', 'set') and current_setting('ecoklit.unmasked', true) = 'on';
