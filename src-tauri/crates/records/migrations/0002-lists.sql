-- The order of a list, and nothing else: a late page is found without reading the records before it.
CREATE INDEX record_in_order ON record (seq);
