//! The station's memory: visits, photos, outbox and audit in one encrypted SQLite database.
