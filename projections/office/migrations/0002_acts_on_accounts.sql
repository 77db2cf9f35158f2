-- A second person's word for one act on an account.
alter table approval add column about text not null default '';
comment on column approval.about is 'The one act that an approval of an account is for, and is good for once; empty for the other kinds.';
comment on column approval.kind is 'export, budget or account.';
comment on column read_log.action is 'What was asked: roll, voter, unmask, export, search, duplicates …; account add, account close … for an act on an account.';
comment on column read_log.reason is 'The reason given; always, where a number was shown whole. Of an act on an account, which one and what.';
comment on column alert.kind is 'bulk_reading, lockout, approval_needed, leak, account.';
