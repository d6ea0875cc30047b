-- name: latest_runs
-- The newest slot of every task, so that one read tells what is due everywhere.
-- fanout: a plain read over all tenants
SELECT DISTINCT ON (tenant_id, task) tenant_id, task, slot, state, scanned_until, attempts,
       (state = 'running' AND lease_until < statement_timestamp()) AS abandoned, retry_at
FROM schedule_runs ORDER BY tenant_id, task, slot DESC

-- name: take_slot
-- The primary key lets exactly one worker open a slot.
INSERT INTO schedule_runs (tenant_id, task, slot, state, scanned_until, lease_owner, lease_until, attempts, started_at)
VALUES (%(tenant_id)s, %(task)s, %(slot)s, 'running', %(scanned_until)s, %(worker)s,
        statement_timestamp() + make_interval(secs => %(lease)s), 1, %(now)s)
ON CONFLICT (tenant_id, task, slot) DO NOTHING
RETURNING slot

-- name: take_over
-- A slot whose worker died, or that failed and may be tried again.
UPDATE schedule_runs
SET state = 'running', lease_owner = %(worker)s, lease_until = statement_timestamp() + make_interval(secs => %(lease)s),
    attempts = attempts + 1, retry_at = NULL, error = NULL
WHERE tenant_id = %(tenant_id)s AND task = %(task)s AND slot = %(slot)s
  AND (state = 'running' AND lease_until < statement_timestamp() OR state = 'failed' AND retry_at <= %(now)s)
RETURNING slot

-- name: watermark
-- The last due date that was scanned completely.
SELECT max(scanned_until) AS until FROM schedule_runs
WHERE tenant_id = %(tenant_id)s AND task = %(task)s AND slot < %(slot)s AND state IN ('done', 'off')

-- name: finish_slot
-- In the transaction of its jobs; refused when somebody else took the slot over.
UPDATE schedule_runs
SET state = 'done', finished_at = %(now)s, found = %(found)s, enqueued = %(enqueued)s, lapsed = %(lapsed)s,
    lease_owner = NULL, lease_until = NULL
WHERE tenant_id = %(tenant_id)s AND task = %(task)s AND slot = %(slot)s AND state = 'running' AND lease_owner = %(worker)s
RETURNING slot

-- name: fail_slot
-- Shown to people with its error, tried again later.
UPDATE schedule_runs
SET state = 'failed', error = %(error)s, retry_at = %(retry_at)s, lease_owner = NULL, lease_until = NULL
WHERE tenant_id = %(tenant_id)s AND task = %(task)s AND slot = %(slot)s AND state = 'running' AND lease_owner = %(worker)s

-- name: mark_off
-- A switched-off type moves its watermark too: switching it on again starts at today.
INSERT INTO schedule_runs (tenant_id, task, slot, state, scanned_until, attempts, started_at, finished_at)
VALUES (%(tenant_id)s, %(task)s, %(slot)s, 'off', %(scanned_until)s, 0, %(now)s, %(now)s)
ON CONFLICT (tenant_id, task, slot) DO NOTHING

-- name: runs_of
-- What the scans of a tenant found, the newest first.
SELECT task, slot, state, found, enqueued, lapsed, error, started_at, finished_at, retry_at FROM schedule_runs
WHERE tenant_id = %(tenant_id)s ORDER BY started_at DESC LIMIT %(limit)s
