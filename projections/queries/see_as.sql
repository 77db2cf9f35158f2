-- {areas} codes with a comma between, {unmasked} on or nothing: begins a transaction that reads for somebody, under the role that
-- may read for people and nothing else. One round to the database: small answers cost little more than that.
begin;
select
    set_config('ecoklit.areas', '{areas}', true),
    set_config('ecoklit.unmasked', '{unmasked}', true),
    set_config('role', 'ecoklit_reader', true)
