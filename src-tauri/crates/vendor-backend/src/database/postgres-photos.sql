-- Photos at places of their own, which files name; an hour that never was holds those of before.
CREATE TABLE photos (place TEXT COLLATE "C" PRIMARY KEY, bytes BYTEA NOT NULL);
-- They are compressed as they are.
ALTER TABLE photos ALTER COLUMN bytes SET STORAGE EXTERNAL;
INSERT INTO photos SELECT '0000000000/' || sha256 || '-' || record_id || '-' || kind, bytes FROM files;
ALTER TABLE files ADD COLUMN length BIGINT, ADD COLUMN place TEXT COLLATE "C" UNIQUE;
UPDATE files SET length = length(bytes), place = '0000000000/' || sha256 || '-' || record_id || '-' || kind;
ALTER TABLE files ALTER COLUMN length SET NOT NULL, ALTER COLUMN place SET NOT NULL, DROP COLUMN bytes;
