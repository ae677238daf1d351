CREATE TABLE batches (
    school_id TEXT COLLATE "C" NOT NULL REFERENCES schools, number BIGINT NOT NULL, made_at BIGINT NOT NULL,
    done_at BIGINT, PRIMARY KEY (school_id, number));
CREATE TABLE batched (
    record_id TEXT COLLATE "C" PRIMARY KEY REFERENCES captures (record_id), school_id TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL);
CREATE INDEX batched_by_batch ON batched (school_id, number, record_id);
