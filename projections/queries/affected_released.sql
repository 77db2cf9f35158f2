-- $1 regency, $2 standings → the voters of whom an event has one of them.
select distinct voter::text as voter from event where regency = $1 and standing <> 'counted' and standing = any ($2::text[])
order by 1
