-- $1 regency, $2 area, $3 level → one row per area of that level within the area, by code; with counts that only
-- disability_shown may tell.
select * from recap_counts where regency = $1 and level = $3 and starts_with(area, $2) order by area
