-- A photo is written down when it is taken, so that submitting it moves no bytes.

-- Its bytes, sealed under a key of their own, which nobody but the running program has before the photo is submitted.
-- What no photo refers to goes with its visit.
CREATE TABLE picture (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: a key fits one picture only
    visit_id INTEGER NOT NULL REFERENCES visit (id),
    sha256   TEXT NOT NULL,             -- of the photo, not of what is stored
    sealed   BLOB NOT NULL
) STRICT;
CREATE INDEX picture_by_visit ON picture (visit_id);

-- Where a photo's bytes are: in `bytes`, or (then `bytes` is empty) in a picture with the key that opens it.
ALTER TABLE photo ADD COLUMN picture_id INTEGER REFERENCES picture (id);
ALTER TABLE photo ADD COLUMN picture_key BLOB;
CREATE UNIQUE INDEX photo_by_picture ON photo (picture_id) WHERE picture_id IS NOT NULL;
