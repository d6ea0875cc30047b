-- name: put
-- Unique by (tenant, external_id); only a row that was invalid may be given again, corrected.
INSERT INTO communication_queue (tenant_id, external_id, payload, status, error, job_id, received_at)
VALUES (%(tenant_id)s, %(external_id)s, %(payload)s, %(status)s, %(error)s, %(job_id)s, %(now)s)
ON CONFLICT (tenant_id, external_id) DO UPDATE
SET payload = excluded.payload, status = excluded.status, error = excluded.error, job_id = excluded.job_id, received_at = excluded.received_at
WHERE communication_queue.status = 'invalid'
RETURNING external_id

-- name: one
-- What was answered the first time.
SELECT external_id, status, error, job_id FROM communication_queue
WHERE tenant_id = %(tenant_id)s AND external_id = %(external_id)s

-- name: tenants_with_received
-- Which tenants' other systems wrote rows.
-- fanout: a plain read of a partial index
SELECT DISTINCT tenant_id FROM communication_queue WHERE status = 'received'

-- name: received
-- A batch of one tenant, so that ten thousand rows of one do not delay the others.
SELECT external_id, payload FROM communication_queue
WHERE tenant_id = %(tenant_id)s AND status = 'received' ORDER BY received_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: answer
-- Every row is answered.
UPDATE communication_queue
SET status = %(status)s, error = %(error)s, job_id = %(job_id)s, payload = %(payload)s, received_at = coalesce(received_at, %(now)s)
WHERE tenant_id = %(tenant_id)s AND external_id = %(external_id)s

-- name: latest
-- For people: the newest rows with what became of them.
SELECT external_id, payload ->> 'communication' AS communication, status, error, job_id, received_at FROM communication_queue
WHERE tenant_id = %(tenant_id)s ORDER BY received_at DESC NULLS FIRST LIMIT %(limit)s
