CREATE TABLE payments (
    order_id TEXT COLLATE "C" PRIMARY KEY REFERENCES orders, trade_no TEXT COLLATE "C" NOT NULL UNIQUE,
    outcome TEXT COLLATE "C" NOT NULL, code_url TEXT, coded_at BIGINT NOT NULL, asked_at BIGINT NOT NULL);
CREATE INDEX open_payments_by_look ON payments (asked_at) WHERE outcome = 'open';
