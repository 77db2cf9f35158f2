-- $1 areas with a comma between, $2 on or nothing: for whom the rest of this transaction reads, under the role that may read
-- for people and nothing else.
select
    set_config('ecoklit.areas', $1, true),
    set_config('ecoklit.unmasked', $2, true),
    set_config('role', 'ecoklit_reader', true)
