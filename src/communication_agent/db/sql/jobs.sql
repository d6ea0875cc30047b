-- name: tenants_with_ready
-- A loose index scan: one probe per tenant and lane that has work, however many jobs there are.
-- fanout: the dispatcher has to know who has work; a plain read
WITH RECURSIVE ready AS (
    SELECT (SELECT min(j.tenant_id) FROM communication_jobs j WHERE j.state = 'ready') AS tenant_id
    UNION ALL
    SELECT (SELECT min(j.tenant_id) FROM communication_jobs j WHERE j.state = 'ready' AND j.tenant_id > ready.tenant_id)
    FROM ready WHERE ready.tenant_id IS NOT NULL)
SELECT l.lane, ready.tenant_id
FROM ready CROSS JOIN (VALUES (0::smallint), (1::smallint), (2::smallint)) AS l (lane)
WHERE ready.tenant_id IS NOT NULL
  AND EXISTS (SELECT FROM communication_jobs j WHERE j.state = 'ready' AND j.tenant_id = ready.tenant_id AND j.lane = l.lane)
ORDER BY l.lane, ready.tenant_id

-- name: claim
-- The atomic take, fair because the caller says who may take how many; the count of deaths rises here, not on an error.
-- fanout: the single-server fast path; on a distributed central it is called with one tenant
WITH pick AS MATERIALIZED (
    SELECT x.tenant_id, x.id
    FROM unnest(%(tenants)s::text[], %(lanes)s::smallint[], %(caps)s::int[]) AS t (tenant_id, lane, cap)
    CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.id FROM communication_jobs j
        WHERE j.state = 'ready' AND j.tenant_id = t.tenant_id AND j.lane = t.lane
        ORDER BY j.seq LIMIT t.cap FOR UPDATE SKIP LOCKED) x),
took AS (
    UPDATE communication_jobs j
    SET state = 'claimed', fence = j.fence + 1, deaths = j.deaths + 1, reason = NULL, lease_owner = %(worker)s,
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM pick WHERE j.tenant_id = pick.tenant_id AND j.id = pick.id
    RETURNING j.*),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, actor)
    SELECT tenant_id, id, %(now)s, fence, 'ready', 'claimed', %(worker)s FROM took)
SELECT tenant_id, id, job_type, communication, customer_id, source, occasions, due_on, run_at, useful_until, created_at, as_of,
       equipment_ids, work_order_id, lane, state, reason, attempts, deaths, fence, facts, attachments, fallback_of, checks, unknown_since
FROM took ORDER BY lane, seq

-- name: lanes_with_ready
-- Who has work on a distributed central, where a loose index scan cannot be pushed down.
-- fanout: a plain read
SELECT DISTINCT lane, tenant_id FROM communication_jobs WHERE state = 'ready' ORDER BY lane, tenant_id

-- name: claim_of_tenant
-- The same take for one tenant, which is what a distributed central can lock.
WITH pick AS MATERIALIZED (
    SELECT j.id FROM communication_jobs j
    WHERE j.tenant_id = %(tenant_id)s AND j.state = 'ready' AND j.lane = %(lane)s
    ORDER BY j.seq LIMIT %(cap)s FOR UPDATE SKIP LOCKED),
took AS (
    UPDATE communication_jobs j
    SET state = 'claimed', fence = j.fence + 1, deaths = j.deaths + 1, reason = NULL, lease_owner = %(worker)s,
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
    WHERE j.tenant_id = %(tenant_id)s AND j.id IN (SELECT pick.id FROM pick)
    RETURNING j.*),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, actor)
    SELECT tenant_id, id, %(now)s, fence, 'ready', 'claimed', %(worker)s FROM took)
SELECT tenant_id, id, job_type, communication, customer_id, source, occasions, due_on, run_at, useful_until, created_at, as_of,
       equipment_ids, work_order_id, lane, state, reason, attempts, deaths, fence, facts, attachments, fallback_of, checks, unknown_since
FROM took ORDER BY lane, seq

-- name: tenants_with_due
-- Whose waiting jobs are due, on a distributed central.
-- fanout: a plain read
SELECT DISTINCT tenant_id FROM communication_jobs WHERE state = 'scheduled' AND run_at <= %(now)s

-- name: promote_of_tenant
-- What of one tenant was to wait until now may be claimed.
WITH due AS MATERIALIZED (
    SELECT j.id, j.run_at FROM communication_jobs j
    WHERE j.tenant_id = %(tenant_id)s AND j.state = 'scheduled' AND j.run_at <= %(now)s
    ORDER BY j.run_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
placed AS (SELECT due.id, row_number() OVER (ORDER BY due.run_at) AS place FROM due),
moved AS (
    UPDATE communication_jobs j SET state = 'ready', seq = %(seq)s + placed.place
    FROM placed WHERE j.tenant_id = %(tenant_id)s AND j.id = placed.id
    RETURNING j.tenant_id, j.id, j.fence),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, actor)
    SELECT tenant_id, id, %(now)s, fence, 'scheduled', 'ready', %(worker)s FROM moved)
SELECT count(*)::int AS moved FROM moved

-- name: promote
-- What was to wait until now may be claimed; a new seq puts it behind what became ready before.
-- fanout: one short probe per tenant, single server
WITH due AS MATERIALIZED (
    SELECT x.tenant_id, x.id, row_number() OVER (ORDER BY x.run_at) AS place
    FROM tenants t
    CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.id, j.run_at FROM communication_jobs j
        WHERE j.tenant_id = t.tenant_id AND j.state = 'scheduled' AND j.run_at <= %(now)s
        ORDER BY j.run_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) x),
moved AS (
    UPDATE communication_jobs j SET state = 'ready', seq = %(seq)s + due.place
    FROM due WHERE j.tenant_id = due.tenant_id AND j.id = due.id
    RETURNING j.tenant_id, j.id, j.fence),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, actor)
    SELECT tenant_id, id, %(now)s, fence, 'scheduled', 'ready', %(worker)s FROM moved)
SELECT count(*)::int AS moved FROM moved

-- name: next_run_at
-- When the next waiting job is due: what a run --once may not wait for, and a loop sleeps until.
-- fanout: one probe per tenant
SELECT min(x.run_at) AS run_at FROM tenants t
CROSS JOIN LATERAL (SELECT j.run_at FROM communication_jobs j WHERE j.tenant_id = t.tenant_id AND j.state = 'scheduled'
                    ORDER BY j.run_at LIMIT 1) x

-- name: give_back_contacts
-- A marketing message that was definitely not sent does not count.
UPDATE marketing_contacts m
SET last_at = coalesce(m.previous_at, '-infinity'::timestamptz), previous_at = NULL, last_job_id = '00000000-0000-0000-0000-000000000000'::uuid
WHERE m.tenant_id = %(tenant_id)s AND m.last_job_id = ANY (%(jobs)s)

-- name: freeze
-- The payload, once: a retry finds the same bytes. Binary (%b), for arrays as text would be escaped letter by letter.
INSERT INTO messages (tenant_id, id, created_at, channel, recipient, provider, payload, payload_hash, facts, frozen_at)
SELECT %(tenant_id)s, f.id, f.created_at, f.channel, f.recipient, f.provider, f.payload::jsonb, f.payload_hash, f.facts::jsonb, %(now)s
FROM unnest(%(ids)s::uuid[], %(created)s::timestamptz[], %(channels)s::text[], %(recipients)s::text[], %(providers)s::text[],
            %(payloads)b::text[], %(hashes)s::text[], %(facts)b::text[])
     AS f (id, created_at, channel, recipient, provider, payload, payload_hash, facts)
ON CONFLICT (tenant_id, id, created_at) DO NOTHING

-- name: frozen
-- What an earlier attempt froze.
SELECT id, channel, recipient, provider, payload::text AS payload, payload_hash FROM messages
WHERE tenant_id = %(tenant_id)s AND id = ANY (%(ids)s)

-- name: begin_dispatch
-- The durable intent: committed before the first byte leaves, refused when the fence or the lease is not ours any more.
WITH begun AS (
    UPDATE communication_jobs j
    SET state = 'dispatching', dispatch_deadline = statement_timestamp() + make_interval(secs => %(deadline)s),
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[]) AS t (id, fence)
    WHERE j.tenant_id = %(tenant_id)s AND j.id = t.id AND j.fence = t.fence AND j.state = 'claimed'
      AND j.lease_until > statement_timestamp()
    RETURNING j.tenant_id, j.id, j.fence),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, actor)
    SELECT tenant_id, id, %(now)s, fence, 'claimed', 'dispatching', %(worker)s FROM begun)
SELECT id FROM begun

-- name: finish
-- Out of the live table, into the history, with its trail: one statement, one truth.
WITH ended AS (
    DELETE FROM communication_jobs j
    USING unnest(%(ids)s::uuid[], %(fences)s::bigint[], %(expected)s::text[], %(outcomes)s::text[], %(reasons)s::text[])
          AS t (id, fence, expected, outcome, reason)
    WHERE j.tenant_id = %(tenant_id)s AND j.id = t.id AND j.fence = t.fence AND j.state = t.expected
    RETURNING j.*, t.expected, t.outcome, t.reason AS end_reason),
history AS (
    INSERT INTO communication_history (tenant_id, id, finished_at, job_type, communication, customer_id, equipment_ids, work_order_id,
        occasions, source, due_on, as_of, facts, attachments, fallback_of, outcome, reason, attempts, fence, created_at)
    SELECT tenant_id, id, %(now)s, job_type, communication, customer_id, equipment_ids, work_order_id, occasions, source, due_on, as_of,
           facts, attachments, fallback_of, outcome, end_reason, attempts, fence, created_at FROM ended),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, reason, actor)
    SELECT tenant_id, id, %(now)s, fence, expected, outcome, end_reason, %(actor)s FROM ended)
SELECT id FROM ended

-- name: mark_sent
-- The provider's own id and the time, beside the frozen bytes.
UPDATE messages m SET sent_at = %(now)s, provider_id = t.provider_id
FROM unnest(%(ids)s::uuid[], %(created)s::timestamptz[], %(provider_ids)s::text[]) AS t (id, created_at, provider_id)
WHERE m.tenant_id = %(tenant_id)s AND m.id = t.id AND m.created_at = t.created_at

-- name: put_back
-- Snooze, retry, release, uncertain, held: every way out of a state that stays in the live table.
WITH moved AS (
    UPDATE communication_jobs j
    SET state = t.to_state, run_at = coalesce(t.run_at, j.run_at), reason = t.reason, attempts = j.attempts + t.burned,
        deaths = t.deaths, checks = t.checks, fence = j.fence + t.fence_step, seq = %(seq)s + t.place,
        lease_owner = NULL, lease_until = NULL, dispatch_deadline = NULL, check_at = t.check_at,
        unknown_since = t.unknown_since
    FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[], %(from_states)s::text[], %(to_states)s::text[], %(run_ats)s::timestamptz[],
                %(reasons)s::text[], %(burned)s::int[], %(deaths)s::int[], %(checks)s::int[], %(fence_steps)s::int[],
                %(check_ats)s::timestamptz[], %(unknown_sinces)s::timestamptz[]) WITH ORDINALITY
         AS t (id, fence, from_state, to_state, run_at, reason, burned, deaths, checks, fence_step, check_at, unknown_since, place)
    WHERE j.tenant_id = %(tenant_id)s AND j.id = t.id AND j.fence = t.fence AND j.state = t.from_state
    RETURNING j.tenant_id, j.id, j.fence, t.from_state, t.to_state, t.reason),
trail AS (
    INSERT INTO job_transitions (tenant_id, job_id, at, fence, from_state, to_state, reason, actor)
    SELECT tenant_id, id, %(now)s, fence, from_state, to_state, reason, %(actor)s FROM moved)
SELECT id FROM moved

-- name: renew
-- One statement per worker, for what it really has in hand: a job whose handling broke off comes back by its lease.
-- fanout: a rare write of a worker's own rows
UPDATE communication_jobs SET lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
WHERE state IN ('claimed', 'dispatching') AND lease_owner = %(worker)s AND id = ANY (%(ids)s) AND lease_until > statement_timestamp()

-- name: expired
-- Jobs of dead workers; the database's clock decides, no worker compares wall clocks.
-- fanout: one probe per tenant
SELECT x.tenant_id, x.id, x.job_type, x.communication, x.customer_id, x.source, x.occasions, x.due_on, x.run_at, x.useful_until,
       x.created_at, x.as_of, x.equipment_ids, x.work_order_id, x.lane, x.state, x.reason, x.attempts, x.deaths, x.fence, x.facts,
       x.attachments, x.fallback_of, x.checks, x.unknown_since
FROM tenants t
CROSS JOIN LATERAL (
    SELECT j.* FROM communication_jobs j
    WHERE j.tenant_id = t.tenant_id AND j.state IN ('claimed', 'dispatching') AND j.lease_until < statement_timestamp()
    ORDER BY j.lease_until LIMIT %(limit)s) x

-- name: unsettled
-- Uncertain jobs whose next check is due, and held ones that nobody settled in time.
-- fanout: one probe per tenant
SELECT x.tenant_id, x.id, x.job_type, x.communication, x.customer_id, x.source, x.occasions, x.due_on, x.run_at, x.useful_until,
       x.created_at, x.as_of, x.equipment_ids, x.work_order_id, x.lane, x.state, x.reason, x.attempts, x.deaths, x.fence, x.facts,
       x.attachments, x.fallback_of, x.checks, x.unknown_since
FROM tenants t
CROSS JOIN LATERAL (
    SELECT j.* FROM communication_jobs j
    WHERE j.tenant_id = t.tenant_id
      AND (j.state = 'uncertain' AND j.check_at <= %(now)s OR j.state = 'held' AND j.useful_until < %(now)s)
    LIMIT %(limit)s) x

-- name: release_paused
-- After a pause its jobs need not wait for their next look.
UPDATE communication_jobs SET run_at = %(now)s
WHERE tenant_id = %(tenant_id)s AND state = 'scheduled' AND split_part(reason, ':', 1) = ANY (%(reasons)s)

-- name: one
-- A live job, whatever its state.
SELECT tenant_id, id, job_type, communication, customer_id, source, occasions, due_on, run_at, useful_until, created_at, as_of,
       equipment_ids, work_order_id, lane, state, reason, attempts, deaths, fence, facts, attachments, fallback_of, checks, unknown_since
FROM communication_jobs WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- name: depth
-- How much of what there is, for health and metrics.
-- fanout: counts over all tenants
SELECT state, lane, count(*)::int AS jobs, min(run_at) AS oldest FROM communication_jobs GROUP BY state, lane

-- name: waiting_for_database
-- Tenants that could not be served because their own database does not answer.
-- fanout: a plain read for people and exit codes
SELECT DISTINCT tenant_id FROM communication_jobs WHERE state = 'scheduled' AND reason = 'tenant_database'
