-- What the platform itself writes down: what is watched, what was said of it, and who was told.
-- Times are UTC, ISO 8601. Notes are redacted and recipients pseudonymised before they are written here.

create table if not exists topics (
    code text primary key,
    label text not null,
    query text not null,                       -- words, "phrases", #hashtags, -exclusions
    kind text not null,
    platforms text not null,                   -- names of platforms, separated by commas; empty for all
    owner text not null,
    active integer not null check (active in (0, 1)),
    created_at text not null,
    updated_at text not null
) strict;

create table if not exists verdicts (
    verdict_id text primary key,
    signal_id text not null,
    verdict text not null,
    author_role text not null,                 -- a role of the platform, never a person
    note text,
    decided_at text not null
) strict;

create index if not exists verdicts_by_signal on verdicts (signal_id, decided_at);

create table if not exists crises (
    crisis_id text primary key,
    title text not null,
    kind text not null,
    status text not null,
    opened_at text not null,
    closed_at text,
    territories text not null,                 -- ISO 3166-2 codes, separated by commas; empty for the nation
    topics text not null,                      -- codes of topics, separated by commas
    owner text not null
) strict;

create table if not exists outbox (
    alert_id text primary key,                 -- derived from the opening: a repeat is recognised by it
    channel text not null,
    recipient text not null,                   -- pseudonym
    subject text not null,
    created_at text not null,
    sent_at text,                              -- when the server acknowledged it
    attempts integer not null default 0 check (attempts >= 0),
    last_error text
) strict;

create index if not exists outbox_unsent on outbox (created_at) where sent_at is null;
