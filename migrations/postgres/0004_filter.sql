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

CREATE FUNCTION index_config() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO config_values (owner, cell, name, number, text)
    SELECT COALESCE(NEW.sweep_id, NEW.id), COALESCE(NEW.sweep_cell, 0), field.name, field.number, field.text
    FROM config_fields(NEW.config::jsonb) field
    WHERE NOT EXISTS (SELECT 1 FROM config_values WHERE owner = COALESCE(NEW.sweep_id, NEW.id) AND cell = COALESCE(NEW.sweep_cell, 0))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER runs_config AFTER INSERT ON runs FOR EACH ROW EXECUTE FUNCTION index_config();

-- The last run of a config takes its values with it.
CREATE FUNCTION forget_config() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sweep_id IS NULL OR NOT EXISTS (SELECT 1 FROM runs WHERE sweep_id = OLD.sweep_id AND sweep_cell = OLD.sweep_cell) THEN
        DELETE FROM config_values WHERE owner = COALESCE(OLD.sweep_id, OLD.id) AND cell = COALESCE(OLD.sweep_cell, 0);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER runs_config_gone AFTER DELETE ON runs FOR EACH ROW EXECUTE FUNCTION forget_config();

INSERT INTO config_values (owner, cell, name, number, text)
SELECT r.owner, r.cell, field.name, field.number, field.text
FROM (SELECT COALESCE(sweep_id, id) AS owner, COALESCE(sweep_cell, 0) AS cell, MIN(config) AS config FROM runs GROUP BY 1, 2) r
CROSS JOIN LATERAL config_fields(r.config::jsonb) field
ON CONFLICT DO NOTHING;
