-- What the digest of a TPS is made of: nothing personal.
create view roll_leaves as
select regency, tps, voter, leaf_hash(decision) as leaf from voter;
comment on view roll_leaves is 'One leaf for every voter of a roll, on the list or off. The digest of a TPS is the RFC 6962 tree head over its leaves by voter.';
comment on column roll_leaves.regency is 'Regency code: filter by it.';
comment on column roll_leaves.tps is 'The TPS where the voter stands.';
comment on column roll_leaves.voter is 'The voter.';
comment on column roll_leaves.leaf is 'SHA-256 of the byte 0 and the decision.';
