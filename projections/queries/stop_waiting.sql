-- $1 regency, $2 voters.
delete from waiting where regency = $1 and voter = any ($2::uuid[])
