-- $1 regency → every voter that an event is about.
select distinct voter::text as voter from event where regency = $1 order by 1
