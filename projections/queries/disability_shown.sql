-- $1 regency, $2 area, $3 level → of the areas of that level and above, the counts by disability that may be shown.
select * from disability_shown($1, $2, $3)
