-- $1 areas with a comma between, $2 on or nothing: for whom the rest of this transaction reads.
select set_config('ecoklit.areas', $1, true), set_config('ecoklit.unmasked', $2, true)
