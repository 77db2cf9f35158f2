-- $1 regency, $2 TPS → the leaves of its digest: all who stand there, on the list or off, by voter.
select tps, voter::text, leaf from roll_leaves where regency = $1 and tps = $2 order by voter
