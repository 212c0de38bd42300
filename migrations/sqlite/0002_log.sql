-- The event log: rows of one or more events each, their texts joined by newlines and compressed (LZ4).
CREATE TABLE event_batches (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    last_seq INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run_id, last_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE series (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    arm TEXT NOT NULL,
    PRIMARY KEY (run_id, number),
    UNIQUE (run_id, name, arm)
) STRICT, WITHOUT ROWID;

-- Points of one series, at most 512 a row: step, time and the value's bits, little endian, column after column. Bits of the
-- first, last, least and greatest value stand beside them, and where the first NaN is, so that reduction need not open the data.
CREATE TABLE chunks (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    series INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    count INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    first_time_ms INTEGER NOT NULL,
    first_bits INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    last_time_ms INTEGER NOT NULL,
    last_bits INTEGER NOT NULL,
    min_step INTEGER,
    min_time_ms INTEGER,
    min_bits INTEGER,
    max_step INTEGER,
    max_time_ms INTEGER,
    max_bits INTEGER,
    nan_step INTEGER,
    nan_time_ms INTEGER,
    data BLOB NOT NULL,
    PRIMARY KEY (run_id, series, chunk)
) STRICT;

-- Points that are not in chunks yet, a row a batch: series, step, time and the value's bits, 8 bytes each, little endian.
CREATE TABLE recent_points (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    last_seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run_id, last_seq)
) STRICT;

CREATE TABLE frames (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    arm TEXT NOT NULL,
    step INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT;
CREATE UNIQUE INDEX frames_ordinal ON frames (run_id, ordinal);

CREATE TABLE logs (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    id BLOB NOT NULL PRIMARY KEY,
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    next_ordinal INTEGER NOT NULL,
    step INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    engram_version TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX checkpoints_run ON checkpoints (run_id, id);

CREATE TABLE artifacts (
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, path)
) STRICT, WITHOUT ROWID;
