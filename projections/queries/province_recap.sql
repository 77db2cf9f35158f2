-- $1 province (2 digits), $2 level (regency, district, village or tps) → one row per area of that level, by code; with counts
-- that only disability_shown may tell.
select * from recap_counts where starts_with(regency, $1) and level = $2 order by area
