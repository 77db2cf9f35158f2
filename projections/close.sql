-- What everybody may do in a new database, and people with SQL must not: for an administrator (superuser), once, connected
-- to the database of ecoklit. The database that `ecoklit up` makes is closed so by itself.
--
-- Temporary tables and large objects fill the disk that the roll needs; who takes the projector's advisory lock stops it.
do $$
declare
    service name := (select pg_get_userbyid(datdba) from pg_database where datname = current_database());
    one record;
begin
    execute format('revoke temporary on database %I from public', current_database());
    for one in
        select oid::regprocedure as function, proname ~ '^pg_(try_)?advisory_' as is_lock
        from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
            and proname ~ '^(pg_(try_)?advisory_|lo_|loread|lowrite|pg_logical_emit_message)'
            and has_function_privilege('public', oid, 'execute')
    loop
        execute format('revoke execute on function %s from public', one.function);
        if one.is_lock then
            execute format('grant execute on function %s to %I', one.function, service);
        end if;
    end loop;
end
$$;
