-- What lists of runs are filtered and sorted by, without reading the runs whole.

CREATE INDEX runs_listed ON runs (
    id, archived, status, experiment, preset, project, created_by, seed, priority, created_at_ms, started_at_ms, finished_at_ms, sweep_id,
    sweep_cell, parent_id, name
);
CREATE INDEX runs_noted ON runs (id) WHERE note <> '';
CREATE INDEX summary_values_sorted ON summary_values (name, sort_key, run_id);

-- Summary numbers that are NaN: they have no sort key.
CREATE TABLE summary_nans (
    name TEXT NOT NULL,
    run_id UUID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (name, run_id)
);
CREATE INDEX summary_nans_run ON summary_nans (run_id);
INSERT INTO summary_nans (name, run_id)
SELECT field.key, r.id FROM runs r CROSS JOIN LATERAL jsonb_each(r.summary::jsonb) field WHERE field.value = '"NaN"'::jsonb;

-- The fields of configs, dots between the levels: a number, or the first 200 characters of a text (true, false and lists as JSON writes
-- them); null fields are left out. The runs of a cell of a sweep have one config, and so one set of rows: owner is the sweep, or else the
-- run, and cell is 0 there. Only for finding: the config itself is in runs.config. A config never changes.
CREATE TABLE config_values (
    owner UUID NOT NULL,
    cell BIGINT NOT NULL,
    name TEXT NOT NULL,
    number DOUBLE PRECISION,
    text TEXT,
    PRIMARY KEY (owner, cell, name)
);
CREATE INDEX config_values_sorted ON config_values (name, number, text, owner, cell);

CREATE FUNCTION config_fields(config JSONB) RETURNS TABLE (name TEXT, number DOUBLE PRECISION, text TEXT) LANGUAGE SQL IMMUTABLE AS $$
    WITH RECURSIVE fields (name, value) AS (
        SELECT field.key, field.value FROM jsonb_each(config) field
        UNION ALL
        SELECT fields.name || '.' || field.key, field.value
        FROM fields CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(fields.value) = 'object' THEN fields.value ELSE '{}' END) field
    )
    SELECT fields.name,
        CASE WHEN jsonb_typeof(fields.value) = 'number' THEN CAST(fields.value #>> '{}' AS DOUBLE PRECISION) END,
        CASE WHEN jsonb_typeof(fields.value) = 'array' THEN left(replace(fields.value::text, ', ', ','), 200)
             WHEN jsonb_typeof(fields.value) <> 'number' THEN left(fields.value #>> '{}', 200) END
    FROM fields WHERE jsonb_typeof(fields.value) NOT IN ('object', 'null')
$$;

-- Once a statement: a sweep of ten thousand runs is a handful of them.
CREATE FUNCTION index_config() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO config_values (owner, cell, name, number, text)
    SELECT r.owner, r.cell, field.name, field.number, field.text
    FROM (SELECT COALESCE(sweep_id, id) AS owner, COALESCE(sweep_cell, 0) AS cell, MIN(config) AS config FROM made GROUP BY 1, 2) r
    CROSS JOIN LATERAL config_fields(r.config::jsonb) field
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER runs_config AFTER INSERT ON runs REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION index_config();

-- The last run of a config takes its values with it.
CREATE FUNCTION forget_config() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM config_values v USING gone
    WHERE v.owner = COALESCE(gone.sweep_id, gone.id) AND v.cell = COALESCE(gone.sweep_cell, 0)
        AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.sweep_id = gone.sweep_id AND r.sweep_cell = gone.sweep_cell);
    RETURN NULL;
END
$$;
CREATE TRIGGER runs_config_gone AFTER DELETE ON runs REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_config();

INSERT INTO config_values (owner, cell, name, number, text)
SELECT r.owner, r.cell, field.name, field.number, field.text
FROM (SELECT COALESCE(sweep_id, id) AS owner, COALESCE(sweep_cell, 0) AS cell, MIN(config) AS config FROM runs GROUP BY 1, 2) r
CROSS JOIN LATERAL config_fields(r.config::jsonb) field
ON CONFLICT DO NOTHING;
