CREATE TABLE workers (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    devices TEXT NOT NULL,
    version TEXT NOT NULL,
    supervised_by TEXT,
    last_seen_at_ms BIGINT NOT NULL
);

-- Secrets are kept as SHA-256 only.
CREATE TABLE tokens (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);

-- Opens the runs of its sweep where it has one, else its share_runs.
CREATE TABLE shares (
    id UUID NOT NULL PRIMARY KEY,
    sweep_id UUID REFERENCES sweeps (id),
    hash BYTEA NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT
);

CREATE TABLE share_runs (
    share_id UUID NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (share_id, position)
);
CREATE INDEX share_runs_run ON share_runs (run_id);

-- One row a key; status and response stay empty until the first request has its answer. The response is encrypted with the key itself.
CREATE TABLE idempotency_keys (
    hash BYTEA NOT NULL PRIMARY KEY,
    body_hash BYTEA NOT NULL,
    created_at_ms BIGINT NOT NULL,
    status BIGINT,
    response BYTEA
);
