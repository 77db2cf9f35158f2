-- $1 regency, $2 voters with a comma between. Mostly nobody waits, and then nobody is looked for.
delete from waiting
where regency = $1 and voter = any (string_to_array($2, ',')::uuid[]) and exists (select from waiting where regency = $1)
