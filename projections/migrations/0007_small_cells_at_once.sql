-- Which counts of few may be shown, in time that grows with the TPS of a regency and not with their square.
create or replace function disability_shown(of_regency text, in_area text, at_level text)
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
