-- The analyst reads the views and nothing else: no table, no person apart from the current list, no write.
-- {schema} is replaced by the schema's quoted name.
do $$
begin
    if not exists (select from pg_roles where rolname = 'ecoklit_analyst') then
        create role ecoklit_analyst nologin;
    end if;
exception
    -- A hosted database may not let its user make roles: the administrator makes this one, then migrates again.
    when insufficient_privilege then raise notice 'role ecoklit_analyst was not made: no right to make roles';
    when duplicate_object then null;
    when unique_violation then null;
end
$$;
do $$
begin
    if exists (select from pg_roles where rolname = 'ecoklit_analyst') then
        grant usage on schema {schema} to ecoklit_analyst;
        grant select on voter_list, recap, open_conflicts, proposals, voter_history to ecoklit_analyst;
    end if;
end
$$;
