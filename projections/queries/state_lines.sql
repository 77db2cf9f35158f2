-- $1 regency → every state as `ecoklit fold` prints it, by voter.
select state_line(decision, record) as line from voter where regency = $1 order by voter
