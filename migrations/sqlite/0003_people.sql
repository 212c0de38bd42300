CREATE TABLE workers (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    devices TEXT NOT NULL,
    version TEXT NOT NULL,
    supervised_by TEXT,
    last_seen_at_ms INTEGER NOT NULL
) STRICT;

-- Secrets are kept as SHA-256 only.
CREATE TABLE tokens (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT;

-- Opens the runs of its sweep where it has one, else its share_runs.
CREATE TABLE shares (
    id BLOB NOT NULL PRIMARY KEY,
    sweep_id BLOB REFERENCES sweeps (id),
    hash BLOB NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT;

CREATE TABLE share_runs (
    share_id BLOB NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (share_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX share_runs_run ON share_runs (run_id);

-- One row a key; status and response stay empty until the first request has its answer. The response is encrypted with the key itself.
CREATE TABLE idempotency_keys (
    hash BLOB NOT NULL PRIMARY KEY,
    body_hash BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL,
    status INTEGER,
    response BLOB
) STRICT, WITHOUT ROWID;
