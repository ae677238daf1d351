CREATE TABLE meta (name TEXT COLLATE "C" PRIMARY KEY, value BYTEA NOT NULL);
CREATE TABLE schools (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT NOT NULL, levels TEXT NOT NULL, session_code TEXT,
    window_from TEXT, window_to TEXT, class_payment BOOLEAN NOT NULL DEFAULT FALSE);
CREATE TABLE activation_codes (
    code_mac BYTEA PRIMARY KEY, reusable BOOLEAN NOT NULL, used_by TEXT, school_id TEXT COLLATE "C" REFERENCES schools);
CREATE TABLE stations (
    id TEXT COLLATE "C" PRIMARY KEY, name TEXT NOT NULL, key_id TEXT COLLATE "C" NOT NULL UNIQUE,
    public_key TEXT NOT NULL, software TEXT NOT NULL, enrolled_at BIGINT NOT NULL, revoked_at BIGINT,
    school_id TEXT COLLATE "C" REFERENCES schools);
CREATE TABLE retired_keys (
    key_id TEXT COLLATE "C" PRIMARY KEY, public_key TEXT NOT NULL,
    station_id TEXT COLLATE "C" NOT NULL REFERENCES stations, retired_at BIGINT NOT NULL);
CREATE TABLE nonces (
    key_id TEXT COLLATE "C" NOT NULL, nonce TEXT COLLATE "C" NOT NULL, keep_until BIGINT NOT NULL,
    PRIMARY KEY (key_id, nonce));
CREATE INDEX nonces_by_end ON nonces (keep_until);
CREATE TABLE idempotent (
    station_id TEXT COLLATE "C" NOT NULL, key TEXT COLLATE "C" NOT NULL, fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (station_id, key));
CREATE INDEX idempotent_by_time ON idempotent (at);
CREATE TABLE students (
    id TEXT COLLATE "C" PRIMARY KEY, masked_name TEXT NOT NULL, masked_id TEXT NOT NULL,
    last_four_mac BYTEA NOT NULL);
CREATE TABLE academic_records (
    id TEXT COLLATE "C" PRIMARY KEY, student_id TEXT COLLATE "C" NOT NULL REFERENCES students,
    school_id TEXT COLLATE "C" NOT NULL REFERENCES schools, level TEXT NOT NULL, major TEXT NOT NULL,
    year BIGINT NOT NULL, eligible BOOLEAN NOT NULL DEFAULT TRUE, code_mac BYTEA NOT NULL UNIQUE,
    number_mac BYTEA NOT NULL UNIQUE, paid BOOLEAN NOT NULL DEFAULT FALSE,
    collection TEXT NOT NULL DEFAULT 'none', rejection TEXT);
CREATE INDEX academic_records_by_student ON academic_records (student_id);
CREATE TABLE expired_codes (code_mac BYTEA PRIMARY KEY);
CREATE TABLE identities (
    token_mac BYTEA PRIMARY KEY, station_id TEXT COLLATE "C" NOT NULL,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students, code_record_id TEXT COLLATE "C",
    expires_at BIGINT NOT NULL);
CREATE INDEX identities_by_end ON identities (expires_at);
CREATE INDEX identities_by_station ON identities (station_id);
CREATE TABLE wrong_proofs (
    subject_mac BYTEA PRIMARY KEY, wrong BIGINT NOT NULL, since BIGINT NOT NULL, locked_until BIGINT NOT NULL);
CREATE TABLE orders (
    id TEXT COLLATE "C" PRIMARY KEY, academic_record_id TEXT COLLATE "C" NOT NULL REFERENCES academic_records,
    amount_fen BIGINT NOT NULL, state TEXT COLLATE "C" NOT NULL, pay_token TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, paid_at BIGINT);
CREATE UNIQUE INDEX one_open_order ON orders (academic_record_id) WHERE state = 'open';
CREATE INDEX open_orders_by_end ON orders (expires_at) WHERE state = 'open';
CREATE TABLE order_stations (
    order_id TEXT COLLATE "C" NOT NULL REFERENCES orders, station_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (order_id, station_id));
-- Numbers are given beside the transactions: two photos at the same moment are not in each other's way.
CREATE SEQUENCE capture_numbers;
CREATE TABLE captures (
    seq BIGINT PRIMARY KEY, record_id TEXT COLLATE "C" NOT NULL UNIQUE, station_id TEXT COLLATE "C" NOT NULL,
    academic_record_id TEXT COLLATE "C" NOT NULL REFERENCES academic_records, standard_sha256 TEXT NOT NULL,
    original_sha256 TEXT NOT NULL, receipt TEXT NOT NULL, state TEXT COLLATE "C" NOT NULL, rejection TEXT,
    about TEXT NOT NULL, captured_at BIGINT NOT NULL, received_at BIGINT NOT NULL, decided_at BIGINT);
CREATE UNIQUE INDEX one_live_photo ON captures (academic_record_id) WHERE state IN ('under-review', 'approved');
CREATE UNIQUE INDEX one_unpaid_photo ON captures (academic_record_id) WHERE state = 'awaiting-payment';
CREATE INDEX captures_by_academic_record ON captures (academic_record_id, state);
CREATE INDEX captures_by_state ON captures (state, seq);
CREATE INDEX captures_by_decision ON captures (decided_at);
CREATE TABLE files (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), kind TEXT COLLATE "C" NOT NULL,
    media_type TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (record_id, kind));
CREATE TABLE holders (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), station_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (record_id, station_id));
CREATE TABLE histories (
    record_id TEXT COLLATE "C" NOT NULL REFERENCES captures (record_id), station_id TEXT COLLATE "C" NOT NULL,
    history TEXT NOT NULL, PRIMARY KEY (record_id, station_id));
CREATE TABLE change_heads (station_id TEXT COLLATE "C" PRIMARY KEY, seq BIGINT NOT NULL);
CREATE TABLE changes (
    station_id TEXT COLLATE "C" NOT NULL, seq BIGINT NOT NULL, record_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (station_id, seq));
