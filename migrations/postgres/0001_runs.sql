-- Text columns named config, grid, seeds, summary, claims, tags and devices hold JSON. Times are ms since 1970. An empty arm is the
-- whole run.

-- Runs of every cell of a grid with every seed, made together. config holds the fields given beside the grid.
CREATE TABLE sweeps (
    id UUID NOT NULL PRIMARY KEY,
    experiment TEXT NOT NULL,
    preset TEXT NOT NULL,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    created_by TEXT NOT NULL,
    config TEXT NOT NULL,
    grid TEXT NOT NULL,
    seeds TEXT NOT NULL,
    device TEXT NOT NULL,
    priority BIGINT NOT NULL,
    tags TEXT NOT NULL,
    max_parallel BIGINT,
    created_at_ms BIGINT NOT NULL
);

-- sweep_cell is the place of the run's cell in its sweep's grid, from 0, the last field of the grid changing first.
CREATE TABLE runs (
    id UUID NOT NULL PRIMARY KEY,
    experiment TEXT NOT NULL,
    preset TEXT NOT NULL,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    created_by TEXT NOT NULL,
    config TEXT NOT NULL,
    seed BIGINT NOT NULL,
    device TEXT NOT NULL,
    priority BIGINT NOT NULL,
    tags TEXT NOT NULL,
    note TEXT NOT NULL,
    archived BOOLEAN NOT NULL DEFAULT FALSE,
    sweep_id UUID REFERENCES sweeps (id),
    sweep_cell BIGINT,
    parent_id UUID,
    status TEXT NOT NULL,
    status_reason TEXT,
    requested TEXT,
    progress_step BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT,
    eta_ms BIGINT,
    summary TEXT NOT NULL DEFAULT '{}',
    claims TEXT NOT NULL DEFAULT '[]',
    attempt BIGINT NOT NULL DEFAULT 0,
    deaths BIGINT NOT NULL DEFAULT 0,
    warned_attempt BIGINT NOT NULL DEFAULT 0,
    lease_token UUID,
    lost_lease_token UUID,
    lease_until_ms BIGINT,
    lease_ordinal BIGINT NOT NULL DEFAULT 0,
    worker_id UUID,
    last_seq BIGINT NOT NULL DEFAULT 0,
    next_ordinal BIGINT NOT NULL DEFAULT 1,
    engram_version TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    finished_at_ms BIGINT
);
CREATE INDEX runs_queue ON runs (priority DESC, created_by, id) WHERE status = 'queued';
CREATE INDEX runs_leased ON runs (lease_until_ms) WHERE status = 'running';
CREATE INDEX runs_experiment ON runs (experiment, id);
CREATE INDEX runs_project ON runs (project, id);
CREATE INDEX runs_sweep ON runs (sweep_id, id) WHERE sweep_id IS NOT NULL;
CREATE INDEX runs_sweep_states ON runs (sweep_id, sweep_cell, status) WHERE sweep_id IS NOT NULL;

CREATE TABLE run_tags (
    tag TEXT NOT NULL,
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, run_id)
);
CREATE INDEX run_tags_run ON run_tags (run_id);

-- sort_key orders like the value it stands for; the value itself is in runs.summary.
CREATE TABLE summary_values (
    name TEXT NOT NULL,
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    sort_key BIGINT NOT NULL,
    PRIMARY KEY (name, run_id)
);
CREATE INDEX summary_values_run ON summary_values (run_id);

-- How recently each owner was served; the one served longest ago is next.
CREATE TABLE owners (
    name TEXT NOT NULL PRIMARY KEY,
    last_turn BIGINT NOT NULL
);
