-- What the platform itself writes: watched topics, verdicts, crises, and alerts to be sent.
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
    decided_at text not null,
    topic_code text,                           -- what the signal was, as whoever decided saw it
    crisis_kind text,
    territory_code text,
    severity integer,
    signal_opened_at text
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

create table if not exists crisis_events (
    event_id text primary key,
    crisis_id text not null references crises on delete cascade,
    kind text not null,                        -- fait, dit or mené: what happened, what was said, what was done
    note text not null,
    author_role text not null,                 -- a role of the platform, never a person
    happened_at text not null
) strict;

create index if not exists crisis_events_in_order on crisis_events (crisis_id, happened_at);

create table if not exists outbox (
    alert_id text primary key,                 -- derived from the opening: a repeat is recognised by it
    channel text not null,
    recipient text not null,                   -- pseudonym
    subject text not null,
    created_at text not null,
    sent_at text,                              -- when the server acknowledged it
    attempts integer not null default 0 check (attempts >= 0),
    last_error text,
    signal_id text,
    topic_code text,
    crisis_kind text,
    territory_code text,
    severity integer,
    signal_opened_at text,
    message_id text,                           -- alerts that leave in one message share it; set before the first attempt
    attempted_at text
) strict;

create index if not exists outbox_unsent on outbox (created_at) where sent_at is null;

-- Links that were used: those of an alert give one verdict. Kept here alone, nothing is learnt from them.
create table if not exists used_links (
    link_id text primary key,
    used_at text not null
) strict;
