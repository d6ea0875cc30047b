-- name: list
-- Every message of a tenant, live or ended, with one of five outcomes.
SELECT x.id, x.communication, x.customer_id, coalesce(m.channel, x.channel) AS channel, m.recipient, x.outcome, x.reason, x.detail,
       m.delivery, m.provider, m.provider_id, x.created_at, m.sent_at, x.run_at, m.payload ->> 'subject' AS subject, x.fallback_of, x.due_on
FROM (
    SELECT j.tenant_id, j.id, j.communication, j.customer_id, j.created_at, j.run_at, j.fallback_of, j.due_on, 'waiting' AS outcome,
           CASE j.state WHEN 'ready' THEN 'ready' WHEN 'claimed' THEN 'in_flight' WHEN 'dispatching' THEN 'in_flight'
                        WHEN 'uncertain' THEN 'uncertain' WHEN 'held' THEN 'held' ELSE split_part(j.reason, ':', 1) END AS reason,
           j.reason AS detail,
           CASE j.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END AS channel
    FROM communication_jobs j WHERE j.tenant_id = %(tenant_id)s
    UNION ALL
    SELECT h.tenant_id, h.id, h.communication, h.customer_id, h.created_at, NULL, h.fallback_of, h.due_on, h.outcome,
           split_part(h.reason, ':', 1), h.reason, CASE h.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END
    FROM communication_history h WHERE h.tenant_id = %(tenant_id)s) x
LEFT JOIN messages m ON m.tenant_id = x.tenant_id AND m.tenant_id = %(tenant_id)s AND m.id = x.id AND m.created_at = x.created_at
WHERE (%(customer_id)s::text IS NULL OR x.customer_id = %(customer_id)s)
  AND (%(id)s::uuid IS NULL OR x.id = %(id)s)
ORDER BY x.created_at, x.id

-- name: frozen
-- The bytes that were frozen, and what they were made from.
SELECT m.channel, m.recipient, m.provider, m.payload::text AS payload, m.payload_hash, m.facts, m.frozen_at, m.provider_id, m.sent_at, m.delivery
FROM messages m WHERE m.tenant_id = %(tenant_id)s AND m.id = %(id)s

-- name: trail
-- Everything that ever happened to a job.
SELECT at, from_state, to_state, reason, actor, fence FROM job_transitions
WHERE tenant_id = %(tenant_id)s AND job_id = %(id)s ORDER BY at, fence, to_state

-- name: events
-- What the provider told afterwards.
SELECT at, provider, kind, detail FROM delivery_events WHERE tenant_id = %(tenant_id)s AND message_id = %(id)s ORDER BY at

-- name: fallbacks
-- The jobs that took over after a definite failure.
SELECT id, fallback_of FROM communication_history WHERE tenant_id = %(tenant_id)s AND fallback_of = %(id)s
UNION ALL
SELECT id, fallback_of FROM communication_jobs WHERE tenant_id = %(tenant_id)s AND fallback_of = %(id)s

-- name: tenant_of
-- Which tenant a message belongs to, when a person gives only its id.
-- fanout: a look-up by a person
SELECT tenant_id FROM communication_jobs WHERE id = %(id)s
UNION
SELECT tenant_id FROM communication_history WHERE id = %(id)s

-- name: in_question
-- What waits for a person or for evidence, by tenant, for people who look after everything.
-- fanout: counts over all tenants, of a partial index
SELECT tenant_id, state, count(*)::int AS jobs, min(created_at) AS oldest FROM communication_jobs
WHERE state IN ('uncertain', 'held') GROUP BY tenant_id, state ORDER BY tenant_id, state
