-- The first form of the station's memory.
-- Times are milliseconds since 1970-01-01 UTC. Hashes are SHA-256 in lower hex.

-- What the station remembers about itself: cursor of the changes feed, enrolment, staff choices.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The last shoot number handed out on a day (China Standard Time).
CREATE TABLE shoot_sequence (
    day  TEXT PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last > 0)
) STRICT, WITHOUT ROWID;

-- One submitted visit. Slim, so that lists stay quick; what is bulky or secret lies in `paper` and `photo`.
CREATE TABLE record (
    seq              INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    state            TEXT NOT NULL,
    trouble          TEXT,              -- why the last attempt failed or why a person must look
    shoot_day        TEXT NOT NULL,
    shoot_number     TEXT NOT NULL,
    code_tag         TEXT NOT NULL,
    academic_record  TEXT,              -- NULL: identity still to be resolved
    school           TEXT NOT NULL,
    school_id        TEXT,
    vendor           TEXT NOT NULL,
    spec             TEXT NOT NULL,
    candidates       INTEGER NOT NULL,
    forced_reason    TEXT,
    payment          TEXT NOT NULL,     -- JSON of `Payment`
    consent_at       INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    captured_at      INTEGER NOT NULL,
    submitted_at     INTEGER NOT NULL,
    original_sha256  TEXT NOT NULL,
    standard_sha256  TEXT NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    key_generation   INTEGER NOT NULL DEFAULT 0,
    receipt_number   TEXT,
    receipt_sha256   TEXT,              -- the hash the receipt was signed over
    receipt_at       INTEGER,
    review           TEXT,              -- newest review outcome, also one that came before the receipt
    review_reasons   TEXT,              -- JSON list
    review_at        INTEGER,
    review_sequence  INTEGER
) STRICT;
CREATE INDEX record_by_state ON record (state, seq);
CREATE INDEX record_by_tag ON record (code_tag);
CREATE INDEX record_by_shoot_number ON record (shoot_number);
CREATE INDEX record_by_receipt ON record (receipt_number) WHERE receipt_number IS NOT NULL;

-- Secrets and bulk of a record; the secrets become NULL when the record is purged.
CREATE TABLE paper (
    record_id      TEXT PRIMARY KEY REFERENCES record (id),
    code_text      BLOB,
    proof          BLOB,
    identity_token BLOB,
    identity       TEXT,                -- JSON of `MaskedIdentity`
    report         TEXT,                -- JSON report of the standard photo
    receipt        BLOB                 -- the signed receipt, byte for byte
) STRICT;

CREATE TABLE photo (
    record_id TEXT NOT NULL REFERENCES record (id),
    kind      TEXT NOT NULL CHECK (kind IN ('original', 'standard')),
    sha256    TEXT NOT NULL,
    bytes     BLOB NOT NULL,
    UNIQUE (record_id, kind)
) STRICT;

-- What waits to be sent: exactly the records that are saved or being sent.
CREATE TABLE outbox (
    record_id    TEXT PRIMARY KEY REFERENCES record (id),
    submitted_at INTEGER NOT NULL,
    next_try     INTEGER NOT NULL,      -- while being sent: when the attempt counts as broken off
    tries        INTEGER NOT NULL       -- failures in a row
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_age ON outbox (submitted_at, record_id, next_try);
CREATE INDEX outbox_by_try ON outbox (next_try);

CREATE TABLE attempt (
    record_id  TEXT NOT NULL REFERENCES record (id),
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT CHECK (outcome IN ('delivered', 'failed', 'refused', 'unknown')),
    detail     TEXT,
    PRIMARY KEY (record_id, number)
) STRICT, WITHOUT ROWID;

-- Who did what, chained twice: `previous` within one subject (so that a record's history can travel),
-- `chain` over all rows (so that none can be dropped unseen).
CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    subject  TEXT NOT NULL,             -- record id, empty for the station itself
    actor    TEXT NOT NULL,
    what     TEXT NOT NULL,
    state    TEXT,
    detail   TEXT,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL,
    chain    TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE TABLE audit_head (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    rows  INTEGER NOT NULL,
    chain TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (only, rows, chain) VALUES (1, 0, '');

-- Visits for the figures: started, ended, how. No secret, no name.
CREATE TABLE visit (
    id         INTEGER PRIMARY KEY,
    vendor     TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    step       TEXT,                    -- the last step reached: tells where a crash happened
    record_id  TEXT,
    ended_at   INTEGER,                 -- NULL: under way
    outcome    TEXT,
    seconds    REAL                     -- NULL where unknown (crash)
) STRICT;
CREATE INDEX visit_by_start ON visit (started_at);
CREATE INDEX visit_under_way ON visit (id) WHERE ended_at IS NULL;
