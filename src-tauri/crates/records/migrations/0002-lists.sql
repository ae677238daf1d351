-- What the staff page asks for each time, without walking through all records.

-- The order of a list, and nothing else: a late page is found without reading the records before it.
CREATE INDEX record_in_order ON record (seq);

-- How many records stand where; `queue verify` counts them anew.
CREATE TABLE state_count (
    state   TEXT PRIMARY KEY,
    records INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO state_count (state, records) SELECT state, count(*) FROM record GROUP BY state;
CREATE TRIGGER record_counted AFTER INSERT ON record BEGIN
    INSERT INTO state_count (state, records) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET records = records + 1;
END;
CREATE TRIGGER record_recounted AFTER UPDATE OF state ON record WHEN old.state <> new.state BEGIN
    UPDATE state_count SET records = records - 1 WHERE state = old.state;
    INSERT INTO state_count (state, records) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET records = records + 1;
END;
CREATE TRIGGER record_uncounted AFTER DELETE ON record BEGIN
    UPDATE state_count SET records = records - 1 WHERE state = old.state;
END;
