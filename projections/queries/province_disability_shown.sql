-- $1 province (2 digits), $2 level → of the areas of that level and above in its regencies, the counts by disability that may
-- be shown.
select cells.*
from checkpoint
cross join lateral disability_shown(checkpoint.regency, checkpoint.regency, $2) as cells
where starts_with(checkpoint.regency, $1)
