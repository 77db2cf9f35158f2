-- Take $2 from the bucket $1, which holds $3 and fills by $4 a second: what is left, or no row and nothing taken.
insert into rate as r (key, tokens, at)
values ($1, $3::float8 - $2::float8, now())
on conflict (key) do update set
    tokens = least($3, r.tokens + extract(epoch from now() - r.at)::float8 * $4::float8) - $2,
    at = now()
where least($3, r.tokens + extract(epoch from now() - r.at)::float8 * $4) >= $2
returning tokens
