-- $1 regency, $2 voters with a comma between, $3 the step: no person of theirs stays, and whoever pulls is told anew.
with gone as (
    delete from person
    using event
    where event.regency = $1 and event.voter = any (string_to_array($2, ',')::uuid[])
        and person.regency = $1 and person.device = event.device and person.seq = event.seq
    returning person.device, person.seq
)
update event
set revision = $3
from gone
where event.regency = $1 and event.device = gone.device and event.seq = gone.seq
