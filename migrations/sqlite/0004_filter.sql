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
    run_id BLOB NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (name, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX summary_nans_run ON summary_nans (run_id);
INSERT INTO summary_nans (name, run_id)
SELECT field.key, r.id FROM runs r, json_each(r.summary) field WHERE field.type = 'text' AND field.value = 'NaN';

-- The fields of configs, dots between the levels: a number, or the first 200 characters of a text (true, false and lists as JSON writes
-- them); null fields are left out. The runs of a cell of a sweep have one config, and so one set of rows: owner is the sweep, or else the
-- run, and cell is 0 there. Only for finding: the config itself is in runs.config. A config never changes.
CREATE TABLE config_values (
    owner BLOB NOT NULL,
    cell INTEGER NOT NULL,
    name TEXT NOT NULL,
    number REAL,
    text TEXT,
    PRIMARY KEY (owner, cell, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX config_values_sorted ON config_values (name, number, text, owner, cell);

CREATE TRIGGER runs_config AFTER INSERT ON runs
WHEN NOT EXISTS (SELECT 1 FROM config_values WHERE owner = COALESCE(NEW.sweep_id, NEW.id) AND cell = COALESCE(NEW.sweep_cell, 0))
BEGIN
    INSERT INTO config_values (owner, cell, name, number, text)
    SELECT COALESCE(NEW.sweep_id, NEW.id), COALESCE(NEW.sweep_cell, 0), replace(substr(field.fullkey, 3), '"', ''),
        CASE WHEN field.type IN ('integer', 'real') THEN CAST(field.atom AS REAL) END,
        CASE WHEN field.type = 'text' THEN substr(field.atom, 1, 200)
             WHEN field.type IN ('true', 'false') THEN field.type
             WHEN field.type = 'array' THEN substr(field.value, 1, 200) END
    FROM json_tree(NEW.config) field WHERE field.type NOT IN ('object', 'null') AND instr(field.fullkey, '[') = 0
    ON CONFLICT DO NOTHING;
END;

-- The last run of a config takes its values with it.
CREATE TRIGGER runs_config_gone AFTER DELETE ON runs
WHEN OLD.sweep_id IS NULL OR NOT EXISTS (SELECT 1 FROM runs WHERE sweep_id = OLD.sweep_id AND sweep_cell = OLD.sweep_cell)
BEGIN
    DELETE FROM config_values WHERE owner = COALESCE(OLD.sweep_id, OLD.id) AND cell = COALESCE(OLD.sweep_cell, 0);
END;

INSERT INTO config_values (owner, cell, name, number, text)
SELECT r.owner, r.cell, replace(substr(field.fullkey, 3), '"', ''),
    CASE WHEN field.type IN ('integer', 'real') THEN CAST(field.atom AS REAL) END,
    CASE WHEN field.type = 'text' THEN substr(field.atom, 1, 200)
         WHEN field.type IN ('true', 'false') THEN field.type
         WHEN field.type = 'array' THEN substr(field.value, 1, 200) END
FROM (SELECT COALESCE(sweep_id, id) AS owner, COALESCE(sweep_cell, 0) AS cell, MIN(config) AS config FROM runs GROUP BY 1, 2) r,
    json_tree(r.config) field
WHERE field.type NOT IN ('object', 'null') AND instr(field.fullkey, '[') = 0
ON CONFLICT DO NOTHING;
