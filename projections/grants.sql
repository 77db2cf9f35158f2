-- Who may read what. {schema} is replaced by the schema's quoted name.
--
-- ecoklit_views   owns the views and is bound by row-level security: whoever reads a view sees the rows of their areas.
-- ecoklit_movers  owns the view movers alone, and sees besides who was first listed there and stands elsewhere now: a move
--                 is seen at both ends, and the voter's row, record and history at the present one.
-- ecoklit_reader  is what the service becomes when it reads for a person. It selects from the views, whole numbers too.
-- ecoklit_analyst is for people with SQL: the views that mask, and nothing else. No table, no write. Where such a view
--                 leaves rows out it is a security barrier: nothing that a person's own WHERE calls sees what it hides.
do $$
declare
    missing text;
begin
    foreach missing in array array['ecoklit_views', 'ecoklit_movers', 'ecoklit_reader', 'ecoklit_analyst'] loop
        if not exists (select from pg_roles where rolname = missing) then
            begin
                execute format('create role %I nologin', missing);
            exception
                -- A hosted database may not let its user make roles: the administrator makes them, then migrates again.
                when insufficient_privilege then raise notice 'role % was not made: no right to make roles', missing;
                when duplicate_object then null;
                when unique_violation then null;
            end;
        end if;
    end loop;
end
$$;
do $$
declare
    one text;
begin
    if (select count(*) from pg_roles where rolname in ('ecoklit_views', 'ecoklit_movers', 'ecoklit_reader', 'ecoklit_analyst')) < 4 then
        return;
    end if;
    if not (pg_has_role('ecoklit_views', 'set') and pg_has_role('ecoklit_movers', 'set')) then
        execute format('grant ecoklit_views, ecoklit_movers, ecoklit_reader to %I', current_user);
    end if;
    grant usage, create on schema {schema} to ecoklit_views, ecoklit_movers;
    grant usage on schema {schema} to ecoklit_reader, ecoklit_analyst;
    grant select on event, person, voter, side, waiting, placement, tps_count, day_count, checkpoint, step_mark
        to ecoklit_views;
    grant select on event, voter to ecoklit_movers;
    drop policy if exists left_there on voter;
    create policy left_there on voter for select to ecoklit_movers using (first_tps like any ((select my_areas())::text[]));
    foreach one in array array[{views}] loop
        execute format('alter view %I owner to %I', one, case one when 'movers' then 'ecoklit_movers' else 'ecoklit_views' end);
        execute format('grant select on %I to ecoklit_reader', one);
        if one not in ('listed_voter', 'visits', 'recap_counts') then  -- whole numbers, where phones were, counts of few
            execute format('grant select on %I to ecoklit_analyst', one);
        end if;
    end loop;
    grant select on checkpoint, step_mark, tps_count, day_count to ecoklit_reader;
    -- What the views call, and nothing else: a function belongs to everybody until it is said otherwise.
    revoke execute on all functions in schema {schema} from public;
    grant execute on function shown(text), leaf_hash(bytea), my_areas(), may_unmask(), hidden(text), hidden_event(bytea),
            disability_shown(text, text, text)
        to ecoklit_views, ecoklit_movers, ecoklit_reader, ecoklit_analyst;
end
$$;
