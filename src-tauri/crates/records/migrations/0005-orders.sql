-- Further orders of a list, each walked along its own index whatever states are asked for. Thousands of records share a
-- school or a count: among them the order of submission is in the index, too.
CREATE INDEX record_in_school_order ON record (school, seq, state);
CREATE INDEX record_in_attempts_order ON record (attempts, seq, state);
