-- A fork goes on from a checkpoint of another run with some fields of the config changed: its points begin after forked_step. It stays
-- readable when the other is gone, so forked_from refers to nothing.
ALTER TABLE runs ADD COLUMN forked_from UUID;
ALTER TABLE runs ADD COLUMN forked_step BIGINT;
CREATE INDEX runs_forked ON runs (forked_from, id) WHERE forked_from IS NOT NULL;

-- Few runs are archived: lists leave these out without a look at the others.
CREATE INDEX runs_archived ON runs (id) WHERE archived = TRUE;
