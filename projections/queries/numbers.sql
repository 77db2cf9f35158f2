-- $1 regency, $2 voter → where the voter stands on a list, and its numbers as whoever reads may see them.
select tps, nik, nkk from voter_list where regency = $1 and voter = $2
