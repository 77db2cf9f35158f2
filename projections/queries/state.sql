-- $1 voter → its state in every regency that has one.
select regency, first_tps, state_line(decision, record) as line from voter where voter = $1::uuid order by regency
