-- $1 regency → how many events have each standing.
select standing, count(*) from event where regency = $1 group by standing order by standing
