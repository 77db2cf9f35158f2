-- $1 regency, $2 TPS → the leaves of its digest, 32 bytes each, of all who stand there, on the list or off, by voter; NULL where
-- nobody does.
select string_agg(leaf, ''::bytea order by voter) from roll_leaves where regency = $1 and tps = $2
