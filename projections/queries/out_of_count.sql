-- $1 regency → how many events have each standing but counted. An index holds those alone.
select standing, count(*) from event where regency = $1 and standing <> 'counted' group by standing order by standing
