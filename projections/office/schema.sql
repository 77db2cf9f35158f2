-- What belongs to the people who use the service, and to the law: accounts, what was read and why, requests of voters,
-- exports. Nothing of it follows from the journal, so no rebuild touches this schema.

create table migration (
    number      integer     not null,
    name        text        not null,
    applied_at  timestamptz not null default now(),
    primary key (number)
);
comment on table migration is 'Migrations of this schema that were applied, each once.';
comment on column migration.number is 'Its number.';
comment on column migration.name is 'Its name, as of its file.';
comment on column migration.applied_at is 'When it was applied.';

create table account (
    account     uuid        not null default gen_random_uuid(),
    login       text        not null,
    role        text        not null,
    areas       text[]      not null,
    rights      text[]      not null default '{}',
    password    text,
    totp        bytea,
    totp_step   bigint      not null default 0,
    subject     text,
    officer     text        not null,
    made_at     timestamptz not null default now(),
    made_by     text        not null,
    closed_at   timestamptz,
    primary key (account),
    unique (login),
    unique (subject),
    check (role in ('pantarlih', 'pps', 'ppk', 'kpu', 'supervisor', 'analyst', 'auditor')),
    check (cardinality(areas) > 0)
);
comment on table account is 'Who may ask the service, as what, and about where. An account is closed, never deleted: the read log names it.';
comment on column account.account is 'The account''s id.';
comment on column account.login is 'What its person types: 3 to 64 characters a-z, 0-9, . _ - @. Never a NIK.';
comment on column account.role is 'pantarlih, pps, ppk, kpu, supervisor, analyst or auditor.';
comment on column account.areas is 'Codes of the areas it may see: regency (4 digits), district (6), village (10) or TPS (13). No account sees the nation.';
comment on column account.rights is 'Rights beyond the role''s own: unmask (whole identity numbers, with a reason), export, approve, decide, accounts.';
comment on column account.password is 'argon2id, with its own parameters and salt; NULL for an account that signs in at its office''s own provider.';
comment on column account.totp is 'The TOTP secret, sealed under the service''s own key; NULL until it is set up.';
comment on column account.totp_step is 'The last TOTP time step that was used: a code opens once.';
comment on column account.subject is 'Issuer and subject at the office''s provider (OIDC), as "issuer subject"; NULL without one.';
comment on column account.officer is 'The officer''s id as in events: a ruling is made in this name.';
comment on column account.made_at is 'When it was made.';
comment on column account.made_by is 'The login that made it, or `shell` for somebody with the service''s own database.';
comment on column account.closed_at is 'When it was closed; NULL while it is open.';

create table session (
    token       bytea       not null,
    account     uuid        not null references account,
    kind        text        not null,
    made_at     timestamptz not null default now(),
    seen_at     timestamptz not null default now(),
    ends_at     timestamptz not null,
    revoked_at  timestamptz,
    primary key (token),
    check (kind in ('browser', 'program'))
);
create index session_account on session (account);
comment on table session is 'Open sessions. The token itself is nowhere: only its SHA-256.';
comment on column session.token is 'SHA-256 of the token.';
comment on column session.account is 'Whose it is.';
comment on column session.kind is 'browser (a cookie, with protection against forged requests) or program (a bearer token).';
comment on column session.made_at is 'When it began.';
comment on column session.seen_at is 'When it was last used, to the minute.';
comment on column session.ends_at is 'When it ends whatever happens.';
comment on column session.revoked_at is 'When somebody ended it; NULL otherwise.';

create table lockout (
    scope       text        not null,
    failures    integer     not null default 0,
    first_at    timestamptz not null default now(),
    until       timestamptz,
    primary key (scope)
);
create index lockout_old on lockout (first_at);
comment on table lockout is 'Failed attempts and locks, by scope: an account, an area or an address. A lock of one area leaves all others at work.';
comment on column lockout.scope is 'login:LOGIN, address:ADDRESS or login:LOGIN ADDRESS for signing in; reading:ACCOUNT:AREA for one account''s reading in one of its areas.';
comment on column lockout.failures is 'Failures since first_at.';
comment on column lockout.first_at is 'When counting began.';
comment on column lockout.until is 'Locked until then, infinity until somebody unlocks it; NULL when it is not.';

-- Lost in a crash, which fills every bucket: a limit, and no record.
create unlogged table rate (
    key         text        not null,
    tokens      double precision not null,
    at          timestamptz not null default now(),
    primary key (key)
);
create index rate_old on rate (at);
comment on table rate is 'Token buckets that all processes of the service share.';
comment on column rate.key is 'What is limited.';
comment on column rate.tokens is 'What was left at `at`.';
comment on column rate.at is 'When that was.';

create table read_log (
    entry       bigint      not null,
    at          timestamptz not null default clock_timestamp(),
    account     uuid        references account,
    action      text        not null,
    area        text,
    voter       uuid,
    rows        bigint      not null,
    fields      text[]      not null default '{}',
    reason      text,
    as_of       bigint      not null,
    request     text        not null,
    prev        bytea       not null,
    hash        bytea       not null,
    primary key (entry)
);
create index read_log_voter on read_log (voter, entry) where voter is not null;
create index read_log_area on read_log (area, entry);
create index read_log_account on read_log (account, entry);
comment on table read_log is 'What was shown to whom, and why: written before the answer leaves. Entries are chained by hash, added only, and never changed.';
comment on column read_log.entry is 'The entry''s number: 1, 2, 3 … without a gap.';
comment on column read_log.at is 'When, by the database''s clock.';
comment on column read_log.account is 'To whom; NULL for somebody at the service''s own database.';
comment on column read_log.action is 'What was asked: roll, voter, unmask, export, search, duplicates …; account add, account close … for an act on an account.';
comment on column read_log.area is 'The area that was asked about; NULL when one voter was.';
comment on column read_log.voter is 'The one voter that was asked about; NULL when a list was.';
comment on column read_log.rows is 'How many voters were shown.';
comment on column read_log.fields is 'Particulars that were shown whole.';
comment on column read_log.reason is 'The reason given; always, where a number was shown whole. Of an act on an account, which one and what.';
comment on column read_log.as_of is 'The journal position that the answer speaks of.';
comment on column read_log.request is 'The id of the request, as in the service''s own log.';
comment on column read_log.prev is 'The hash of the entry before; 32 zero bytes before the first.';
comment on column read_log.hash is 'SHA-256 over prev and what the entry says (services/read_log.py).';

create function refuse_change() returns trigger language plpgsql as $refuse$
begin
    raise exception 'the read log is added to, and nothing else' using errcode = 'insufficient_privilege';
end
$refuse$;
comment on function refuse_change() is 'Entries of the read log are never changed or deleted.';
create trigger read_log_stays before update or delete or truncate on read_log for each statement execute function refuse_change();

create table budget (
    account     uuid   not null references account,
    area        text   not null,
    day         date   not null,
    voters      bigint not null default 0,
    granted     bigint not null default 0,
    primary key (account, area, day)
);
comment on table budget is 'How many voters each account was shown in each of its areas on each day: bulk reading trips.';
comment on column budget.account is 'The account.';
comment on column budget.area is 'The area of the account that it read in.';
comment on column budget.day is 'The day, by the database''s clock in UTC.';
comment on column budget.voters is 'Voters shown; the same one again counts again.';
comment on column budget.granted is 'Voters beyond the day''s budget that a second person granted.';

create table alert (
    alert       bigint      generated always as identity,
    at          timestamptz not null default clock_timestamp(),
    kind        text        not null,
    account     uuid        references account,
    area        text,
    says        text        not null,
    seen_by     text,
    primary key (alert)
);
comment on table alert is 'What somebody should look at: a tripped budget, a lock, an export that waits for a second person.';
comment on column alert.alert is 'The alert''s number.';
comment on column alert.at is 'When.';
comment on column alert.kind is 'bulk_reading, lockout, approval_needed, leak, account.';
comment on column alert.account is 'The account that it is about; NULL when none.';
comment on column alert.area is 'The area that it is about; NULL when none.';
comment on column alert.says is 'One sentence, without anything personal.';
comment on column alert.seen_by is 'Who looked at it; NULL until then.';

create table approval (
    approval    uuid        not null default gen_random_uuid(),
    kind        text        not null,
    area        text        not null,
    says        text        not null,
    asked_by    uuid        not null references account,
    asked_at    timestamptz not null default now(),
    answered_by uuid        references account,
    answered_at timestamptz,
    granted     boolean,
    ends_at     timestamptz not null,
    about       text        not null default '',
    primary key (approval),
    check (answered_by is distinct from asked_by)
);
comment on table approval is 'What needs a second person: who asked, who answered, and until when it holds.';
comment on column approval.approval is 'Its id.';
comment on column approval.kind is 'export, budget or account.';
comment on column approval.area is 'The area that it is about.';
comment on column approval.says is 'Why, in the words of who asks.';
comment on column approval.asked_by is 'Who asks.';
comment on column approval.asked_at is 'When.';
comment on column approval.answered_by is 'The second person: never the first.';
comment on column approval.answered_at is 'When.';
comment on column approval.granted is 'The answer; NULL until there is one.';
comment on column approval.ends_at is 'Until when an answer may be given and used.';
comment on column approval.about is 'The one act that an approval of an account is for, and is good for once; empty for the other kinds.';

create table voter_request (
    request     uuid        not null default gen_random_uuid(),
    voter       uuid        not null,
    regency     text        not null,
    tps         text        not null,
    kind        text        not null,
    says        text        not null,
    asked_at    timestamptz not null default now(),
    due_at      timestamptz not null,
    noted_by    text        not null,
    answer      text,
    answered_at timestamptz,
    answered_by text,
    primary key (request),
    check (kind in ('access', 'correction', 'objection', 'erasure'))
);
create index voter_request_voter on voter_request (voter);
create index voter_request_open on voter_request (regency, due_at) where answered_at is null;
comment on table voter_request is 'What voters ask for by their rights (UU PDP 27/2022 Art. 5 to 13, 32), with its deadline and its answer.';
comment on column voter_request.request is 'Its id.';
comment on column voter_request.voter is 'The voter.';
comment on column voter_request.regency is 'Regency code.';
comment on column voter_request.tps is 'The TPS where the voter stood when it was asked.';
comment on column voter_request.kind is 'access, correction, objection or erasure.';
comment on column voter_request.says is 'What is asked for, in the voter''s words: personal.';
comment on column voter_request.asked_at is 'When.';
comment on column voter_request.due_at is 'When the answer is due: 3 x 24 hours for access and correction.';
comment on column voter_request.noted_by is 'The login that noted it, or `slip` when the voter did by the slip''s code.';
comment on column voter_request.answer is 'The answer; NULL until there is one.';
comment on column voter_request.answered_at is 'When.';
comment on column voter_request.answered_by is 'The login that answered.';

create table export (
    export      uuid        not null default gen_random_uuid(),
    account     uuid        not null references account,
    area        text        not null,
    what        text        not null,
    format      text        not null,
    position    bigint      not null,
    digest      bytea,
    unmasked    boolean     not null default false,
    approval    uuid        references approval,
    asked_at    timestamptz not null default now(),
    state       text        not null default 'waiting',
    parts       integer     not null default 0,
    rows        bigint      not null default 0,
    mark        bytea       not null,
    primary key (export),
    check (state in ('waiting', 'running', 'done', 'failed', 'expired'))
);
comment on table export is 'Every list that left the service as a file: who, when, as of which position, and the mark by which a leaked part names its recipient.';
comment on column export.export is 'Its id.';
comment on column export.account is 'For whom.';
comment on column export.area is 'Of which area.';
comment on column export.what is 'roll, recap, movers …';
comment on column export.format is 'csv, xlsx, parquet, arrow or pdf.';
comment on column export.position is 'The journal position that all its rows speak of.';
comment on column export.digest is 'The area''s digest there.';
comment on column export.unmasked is 'Whether identity numbers are whole in it.';
comment on column export.approval is 'The second person''s answer, where one is needed.';
comment on column export.asked_at is 'When.';
comment on column export.state is 'waiting, running, done, failed or expired.';
comment on column export.parts is 'Parts that are written whole: a broken export goes on after the last.';
comment on column export.rows is 'Rows in them.';
comment on column export.mark is 'The secret that its watermark is made with.';

create table sql_area (
    login       text not null,
    area        text not null,
    account     uuid not null references account,
    primary key (login, area)
);
comment on table sql_area is 'The areas of people with SQL: the database itself shows them the rows of these and no others.';
comment on column sql_area.login is 'The database role.';
comment on column sql_area.area is 'Area code, 4 to 13 digits.';
comment on column sql_area.account is 'Whose it is.';

create table sign_in (
    state       bytea       not null,
    browser     bytea       not null,
    nonce       text        not null,
    verifier    text        not null,
    ends_at     timestamptz not null,
    primary key (state)
);
comment on table sign_in is 'Attempts to sign in at the office''s own provider (OIDC) that have begun: each is taken once, and goes.';
comment on column sign_in.state is 'SHA-256 of the state that the provider brings back.';
comment on column sign_in.browser is 'SHA-256 of what the browser that began it holds in a cookie.';
comment on column sign_in.nonce is 'What the ID token must say.';
comment on column sign_in.verifier is 'The PKCE verifier, shown to the provider with its code.';
comment on column sign_in.ends_at is 'Too late from here on.';
