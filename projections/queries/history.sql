-- $1 voter → every event about the voter in every regency, in order of arrival.
select * from voter_history where voter = $1::uuid order by regency, position
