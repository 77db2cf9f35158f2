-- $1 regency, $2 events → the events up to that one that no right covers today, which those about another regency's roll are.
select position, standing, stamp, body, null::bytea as person from event
where regency = $1 and standing = 'not_entitled' and position <= $2
order by position
