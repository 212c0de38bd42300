-- The event log: rows of one or more events each, their texts joined by newlines and compressed (LZ4).
CREATE TABLE event_batches (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    last_seq BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (run_id, last_seq)
);

CREATE TABLE series (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    arm TEXT NOT NULL,
    PRIMARY KEY (run_id, number),
    UNIQUE (run_id, name, arm)
);

-- Points of one series, at most 512 a row: step, time and the value's bits, little endian, column after column. Bits of the
-- first, last, least and greatest value stand beside them, and where the first NaN is, so that reduction need not open the data.
CREATE TABLE chunks (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    series BIGINT NOT NULL,
    chunk BIGINT NOT NULL,
    count BIGINT NOT NULL,
    first_step BIGINT NOT NULL,
    first_time_ms BIGINT NOT NULL,
    first_bits BIGINT NOT NULL,
    last_step BIGINT NOT NULL,
    last_time_ms BIGINT NOT NULL,
    last_bits BIGINT NOT NULL,
    min_step BIGINT,
    min_time_ms BIGINT,
    min_bits BIGINT,
    max_step BIGINT,
    max_time_ms BIGINT,
    max_bits BIGINT,
    nan_step BIGINT,
    nan_time_ms BIGINT,
    data BYTEA NOT NULL,
    PRIMARY KEY (run_id, series, chunk)
);

-- Points that are not in chunks yet, a row a batch: series, step, time and the value's bits, 8 bytes each, little endian.
CREATE TABLE recent_points (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    last_seq BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (run_id, last_seq)
);

CREATE TABLE frames (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    name TEXT NOT NULL,
    arm TEXT NOT NULL,
    step BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (run_id, seq)
);
CREATE UNIQUE INDEX frames_ordinal ON frames (run_id, ordinal);

CREATE TABLE logs (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE checkpoints (
    id UUID NOT NULL PRIMARY KEY,
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    next_ordinal BIGINT NOT NULL,
    step BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    engram_version TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX checkpoints_run ON checkpoints (run_id, id);

CREATE TABLE artifacts (
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (run_id, path)
);
