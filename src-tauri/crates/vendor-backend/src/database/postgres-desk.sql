CREATE TABLE reviewers (
    name TEXT COLLATE "C" PRIMARY KEY, role TEXT NOT NULL, token_mac BYTEA NOT NULL UNIQUE, added_at BIGINT NOT NULL,
    gone_at BIGINT);
CREATE TABLE review_sessions (
    session_mac BYTEA PRIMARY KEY, reviewer TEXT COLLATE "C" NOT NULL, role TEXT NOT NULL, ends_at BIGINT NOT NULL);
CREATE TABLE leases (
    record_id TEXT COLLATE "C" PRIMARY KEY REFERENCES captures (record_id), session_mac BYTEA NOT NULL,
    reviewer TEXT COLLATE "C" NOT NULL, ends_at BIGINT NOT NULL);
CREATE INDEX leases_by_session ON leases (session_mac);
CREATE TABLE words (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), reviewer TEXT COLLATE "C" NOT NULL,
    decision TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (record_id, reviewer));
CREATE TABLE findings (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), code TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (record_id, code));
CREATE TABLE grounds (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), code TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (record_id, code));
CREATE INDEX captures_by_arrival ON captures (received_at);
