-- $1 schema → the regencies that have partitions in it, by the catalog: for when the checkpoints cannot be read.
select right(c.relname, 4) as regency
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
join pg_class parent on parent.oid = i.inhparent
where parent.relname = 'event' and parent.relnamespace = to_regnamespace(quote_ident($1)) and c.relkind = 'r'
order by regency
