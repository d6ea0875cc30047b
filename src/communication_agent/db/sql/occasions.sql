-- name: create_candidates
-- Where the dealer's rows land, byte for byte, before the ledger decides which are new.
CREATE TEMP TABLE candidates (
    customer_id text NOT NULL, equipment_id text, work_order_id text, due_on date NOT NULL, occasion text NOT NULL, place integer NOT NULL
) ON COMMIT DROP

-- name: drop_candidates
-- Room for the next scan in the same transaction.
DROP TABLE candidates

-- name: copy_candidates
-- COPY goes to the temporary table only: a duplicate in a keyed table would end the whole batch.
COPY candidates (customer_id, equipment_id, work_order_id, due_on, occasion, place) FROM STDIN

-- name: take_occasions
-- The ledger makes every occasion single; the rows that come back are the ones that were new.
WITH groups AS MATERIALIZED (
    SELECT customer_id, due_on, (%(prefix)s || lpad(to_hex(row_number() OVER (ORDER BY customer_id, due_on)), 8, '0'))::uuid AS job_id
    FROM candidates GROUP BY customer_id, due_on),
fresh AS (
    INSERT INTO occasions (tenant_id, key, communication, customer_id, due_on, job_id, asked_at)
    SELECT %(tenant_id)s, c.occasion, %(communication)s, c.customer_id, c.due_on, g.job_id, %(now)s
    FROM candidates c JOIN groups g ON g.customer_id = c.customer_id AND g.due_on = c.due_on
    ON CONFLICT (tenant_id, key) DO NOTHING
    RETURNING key, job_id),
made AS (
    INSERT INTO communication_jobs (tenant_id, id, job_type, communication, customer_id, equipment_ids, work_order_id, occasions, source,
        due_on, as_of, facts, attachments, lane, seq, state, reason, run_at, useful_until, attempts, deaths, checks, fence, created_at)
    SELECT %(tenant_id)s, f.job_id, %(job_type)s, %(communication)s, min(c.customer_id),
           coalesce(array_agg(c.equipment_id ORDER BY c.place) FILTER (WHERE c.equipment_id IS NOT NULL), '{}'),
           (array_agg(c.work_order_id ORDER BY c.place))[1],
           array_agg(c.occasion ORDER BY c.place), 'scheduler', min(c.due_on), %(today)s, '{}', '[]', %(lane)s,
           %(seq)s + row_number() OVER (ORDER BY f.job_id), %(state)s, %(reason)s, %(run_at)s,
           ((min(c.due_on) + %(useful_days)s::int + 1)::timestamp AT TIME ZONE %(zone)s), 0, 0, 0, 0, %(now)s
    FROM fresh f JOIN candidates c ON c.occasion = f.key
    GROUP BY f.job_id
    RETURNING id)
SELECT (SELECT count(*)::int FROM groups) AS found, (SELECT count(*)::int FROM made) AS enqueued

-- name: made_jobs
-- The jobs of this transaction, for a dry scan that is about to be rolled back.
SELECT tenant_id, id, job_type, communication, customer_id, source, occasions, due_on, run_at, useful_until, created_at, as_of,
       equipment_ids, work_order_id, lane, state, reason, attempts, deaths, fence, facts, attachments, fallback_of, checks, unknown_since
FROM communication_jobs WHERE tenant_id = %(tenant_id)s AND id > %(first)s::uuid AND id <= %(last)s::uuid

-- name: known_candidates
-- Candidates all of whose occasions were taken before: a scan shows them too, as already asked for.
SELECT c.customer_id, c.due_on, coalesce(array_agg(c.equipment_id ORDER BY c.place) FILTER (WHERE c.equipment_id IS NOT NULL), '{}') AS equipment_ids,
       (array_agg(c.work_order_id ORDER BY c.place))[1] AS work_order_id, array_agg(c.occasion ORDER BY c.place) AS occasions
FROM candidates c JOIN occasions o ON o.tenant_id = %(tenant_id)s AND o.key = c.occasion
GROUP BY c.customer_id, c.due_on
HAVING bool_and(NOT (o.job_id > %(first)s::uuid AND o.job_id <= %(last)s::uuid))

-- name: take_one
-- One occasion of a door (queue row, fallback): the second one who asks gets nothing back.
INSERT INTO occasions (tenant_id, key, communication, customer_id, due_on, job_id, asked_at)
VALUES (%(tenant_id)s, %(key)s, %(communication)s, %(customer_id)s, %(due_on)s, %(job_id)s, %(now)s)
ON CONFLICT (tenant_id, key) DO NOTHING
RETURNING job_id

-- name: owner
-- Which job an occasion belongs to.
SELECT job_id FROM occasions WHERE tenant_id = %(tenant_id)s AND key = %(key)s

-- name: owners
-- Which of these occasions were asked for already.
SELECT key, job_id FROM occasions WHERE tenant_id = %(tenant_id)s AND key = ANY (%(keys)s)

-- name: make_job
-- A job of a door.
INSERT INTO communication_jobs (tenant_id, id, job_type, communication, customer_id, equipment_ids, work_order_id, occasions, source,
    due_on, as_of, facts, attachments, fallback_of, lane, seq, state, reason, run_at, useful_until, attempts, deaths, checks, fence, created_at)
VALUES (%(tenant_id)s, %(id)s, %(job_type)s, %(communication)s, %(customer_id)s, %(equipment_ids)s, %(work_order_id)s, %(occasions)s,
        %(source)s, %(due_on)s, %(as_of)s, %(facts)s, %(attachments)s, %(fallback_of)s, %(lane)s, %(seq)s, %(state)s, %(reason)s,
        %(run_at)s, %(useful_until)s, 0, 0, 0, 0, %(now)s)

-- name: notify
-- Once per enqueue transaction: a hint that makes polling fast, never the truth.
SELECT pg_notify('communication_jobs', %(tenant_id)s)
