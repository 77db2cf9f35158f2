-- $1 regency: the election is over, so that a copy that waits for its event waits for nothing.
delete from orphan where regency = $1
