-- $1 regency → what its digests are made of.
select tps, voter::text, leaf_hash(decision) as leaf from voter where regency = $1
