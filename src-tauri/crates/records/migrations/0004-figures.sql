-- What the staff's day is told by: the shutter, the reviewers' answers, who came back, lists by time.

-- Each press of the shutter: whether a photo came of it, and which checks refused it. No secret, no name.
CREATE TABLE shot (
    id       INTEGER PRIMARY KEY,
    visit_id INTEGER NOT NULL,          -- of `visit`
    at       INTEGER NOT NULL,
    refused  TEXT                       -- JSON list of the checks' codes; NULL: a photo to choose
) STRICT;
CREATE INDEX shot_by_time ON shot (at);

-- A span of time, with states counted in it, without reading a record.
CREATE INDEX record_by_time ON record (submitted_at, state);

-- Other orders of a list, whatever states are asked for; they serve the searches, too.
DROP INDEX record_by_shoot_number;
DROP INDEX record_by_tag;
CREATE INDEX record_in_number_order ON record (shoot_number, state);
CREATE INDEX record_in_tag_order ON record (code_tag, state);

-- What reviewers rejected, by when; and whether its academic record has another photo since.
CREATE INDEX record_by_rejection ON record (review_at) WHERE review = 'rejected';
CREATE INDEX record_by_academic_record ON record (academic_record, seq) WHERE academic_record IS NOT NULL;
