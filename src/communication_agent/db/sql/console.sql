-- name: tenant_names
-- What the switcher offers; the one read that is not of a single tenant.
-- fanout: whoever runs the console on this machine may see every dealer
SELECT tenant_id, name FROM tenants ORDER BY name, tenant_id

-- name: dealer_card
-- What a customer is told about the dealer; the role that reads it never sees the secrets.
SELECT t.name, t.settings ->> 'phone' AS phone, t.settings ->> 'address' AS address, t.settings ->> 'brand_color' AS brand_color
FROM tenants t WHERE t.tenant_id = %(tenant_id)s

-- name: ended
-- What came of the messages that ended in a span; one whose fallback took over is not called failed.
SELECT h.communication,
       CASE WHEN h.outcome = 'failed' AND (
                EXISTS (SELECT FROM communication_history f
                        WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = h.customer_id AND f.fallback_of = h.id)
                OR EXISTS (SELECT FROM communication_jobs f
                           WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = h.customer_id AND f.fallback_of = h.id))
            THEN 'rerouted' ELSE h.outcome END AS outcome,
       split_part(h.reason, ':', 1) AS reason,
       coalesce(m.channel, CASE h.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
       (h.finished_at AT TIME ZONE %(zone)s)::date AS day,
       count(*)::int AS messages
FROM communication_history h
LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = h.id AND m.created_at = h.created_at
WHERE h.tenant_id = %(tenant_id)s AND h.finished_at >= %(since)s AND h.finished_at < %(until)s
GROUP BY 1, 2, 3, 4, 5

-- name: waiting
-- What is not finished, for what it waits and how long at least.
SELECT j.communication,
       CASE j.state WHEN 'ready' THEN 'ready' WHEN 'claimed' THEN 'in_flight' WHEN 'dispatching' THEN 'in_flight'
                    WHEN 'uncertain' THEN 'uncertain' WHEN 'held' THEN 'held' ELSE split_part(j.reason, ':', 1) END AS reason,
       count(*)::int AS messages, min(j.run_at) AS next_at
FROM communication_jobs j WHERE j.tenant_id = %(tenant_id)s GROUP BY 1, 2

-- name: last_failure
-- When something last failed, so that a zero says more.
SELECT max(h.finished_at) AS at FROM communication_history h
WHERE h.tenant_id = %(tenant_id)s AND h.finished_at >= %(since)s AND h.outcome = 'failed'

-- name: scans
-- What the scans of a day found.
SELECT r.task, r.slot, r.state, r.found, r.enqueued, r.lapsed, r.error, r.started_at, r.finished_at, r.retry_at
FROM schedule_runs r WHERE r.tenant_id = %(tenant_id)s AND r.slot = %(slot)s ORDER BY r.task

-- name: counts
-- How many of the newest messages there are of each outcome, under the filters that are set; bounded, however long the history.
WITH newest AS MATERIALIZED (
    SELECT x.* FROM (
        (SELECT j.id, j.communication, j.customer_id, j.job_type, j.created_at, 'waiting' AS outcome
         FROM communication_jobs j WHERE j.tenant_id = %(tenant_id)s ORDER BY j.id DESC LIMIT %(window)s)
        UNION ALL
        (SELECT h.id, h.communication, h.customer_id, h.job_type, h.created_at, h.outcome
         FROM communication_history h WHERE h.tenant_id = %(tenant_id)s ORDER BY h.id DESC LIMIT %(window)s)) x
    ORDER BY x.id DESC LIMIT %(window)s)
SELECT n.outcome, count(*)::int AS seen, min(n.id::text)::uuid AS oldest,
       (count(*) FILTER (WHERE (%(communication)s::text IS NULL OR n.communication = %(communication)s)
          AND (%(channel)s::text IS NULL
               OR coalesce(m.channel, CASE n.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) = %(channel)s)
          AND (%(like)s::text IS NULL OR m.recipient ILIKE %(like)s OR m.payload ->> 'subject' ILIKE %(like)s
               OR n.customer_id = ANY (%(customers)s::text[]))))::int AS messages
FROM newest n
LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = n.id AND m.created_at = n.created_at
GROUP BY n.outcome

-- name: page
-- One page, the newest first, in the order of the primary keys, whose ids are time-ordered.
SELECT x.* FROM (
    (SELECT j.id, j.communication, j.customer_id, j.created_at, j.run_at AS at, 'waiting' AS outcome,
            CASE j.state WHEN 'ready' THEN 'ready' WHEN 'claimed' THEN 'in_flight' WHEN 'dispatching' THEN 'in_flight'
                         WHEN 'uncertain' THEN 'uncertain' WHEN 'held' THEN 'held' ELSE j.reason END AS reason,
            coalesce(m.channel, CASE j.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
            m.recipient, m.payload ->> 'subject' AS subject, m.delivery, NULL::uuid AS went_on_as
     FROM communication_jobs j
     LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = j.id AND m.created_at = j.created_at
     WHERE j.tenant_id = %(tenant_id)s AND (%(outcome)s::text IS NULL OR %(outcome)s = 'waiting')
       AND (%(before)s::uuid IS NULL OR j.id < %(before)s) AND (%(floor)s::uuid IS NULL OR j.id >= %(floor)s)
       AND (%(communication)s::text IS NULL OR j.communication = %(communication)s)
       AND (%(channel)s::text IS NULL
            OR coalesce(m.channel, CASE j.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) = %(channel)s)
       AND (%(like)s::text IS NULL OR m.recipient ILIKE %(like)s OR m.payload ->> 'subject' ILIKE %(like)s
            OR j.customer_id = ANY (%(customers)s::text[]))
     ORDER BY j.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT h.id, h.communication, h.customer_id, h.created_at, h.finished_at AS at, h.outcome, h.reason,
            coalesce(m.channel, CASE h.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
            m.recipient, m.payload ->> 'subject' AS subject, m.delivery,
            CASE WHEN h.outcome = 'failed' THEN
                coalesce((SELECT f.id FROM communication_history f
                          WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = h.customer_id AND f.fallback_of = h.id LIMIT 1),
                         (SELECT f.id FROM communication_jobs f
                          WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = h.customer_id AND f.fallback_of = h.id LIMIT 1))
            END AS went_on_as
     FROM communication_history h
     LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = h.id AND m.created_at = h.created_at
     WHERE h.tenant_id = %(tenant_id)s AND (%(outcome)s::text IS NULL OR h.outcome = %(outcome)s)
       AND (%(before)s::uuid IS NULL OR h.id < %(before)s) AND (%(floor)s::uuid IS NULL OR h.id >= %(floor)s)
       AND (%(communication)s::text IS NULL OR h.communication = %(communication)s)
       AND (%(channel)s::text IS NULL
            OR coalesce(m.channel, CASE h.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) = %(channel)s)
       AND (%(like)s::text IS NULL OR m.recipient ILIKE %(like)s OR m.payload ->> 'subject' ILIKE %(like)s
            OR h.customer_id = ANY (%(customers)s::text[]))
     ORDER BY h.id DESC LIMIT %(limit)s)) x
ORDER BY x.id DESC LIMIT %(limit)s

-- name: of_customer
-- A customer's messages, the newest first.
SELECT x.* FROM (
    (SELECT j.id, j.communication, j.customer_id, j.created_at, j.run_at AS at, 'waiting' AS outcome,
            CASE j.state WHEN 'ready' THEN 'ready' WHEN 'claimed' THEN 'in_flight' WHEN 'dispatching' THEN 'in_flight'
                         WHEN 'uncertain' THEN 'uncertain' WHEN 'held' THEN 'held' ELSE j.reason END AS reason,
            coalesce(m.channel, CASE j.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
            m.recipient, m.payload ->> 'subject' AS subject, m.delivery, NULL::uuid AS went_on_as
     FROM communication_jobs j
     LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = j.id AND m.created_at = j.created_at
     WHERE j.tenant_id = %(tenant_id)s AND j.customer_id = %(customer_id)s ORDER BY j.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT h.id, h.communication, h.customer_id, h.created_at, h.finished_at AS at, h.outcome, h.reason,
            coalesce(m.channel, CASE h.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
            m.recipient, m.payload ->> 'subject' AS subject, m.delivery, CASE WHEN h.outcome = 'failed' THEN
                coalesce((SELECT f.id FROM communication_history f
                          WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = %(customer_id)s AND f.fallback_of = h.id LIMIT 1),
                         (SELECT f.id FROM communication_jobs f
                          WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = %(customer_id)s AND f.fallback_of = h.id LIMIT 1))
            END AS went_on_as
     FROM communication_history h
     LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = h.id AND m.created_at = h.created_at
     WHERE h.tenant_id = %(tenant_id)s AND h.customer_id = %(customer_id)s ORDER BY h.id DESC LIMIT %(limit)s)) x
ORDER BY x.id DESC LIMIT %(limit)s

-- name: urgent
-- What nobody but a person, or the provider, can settle.
SELECT j.id, j.communication, j.customer_id, j.created_at, j.run_at AS at, 'waiting' AS outcome, j.state AS reason,
       coalesce(m.channel, CASE j.job_type WHEN 'send_email' THEN 'email' WHEN 'send_sms' THEN 'sms' END) AS channel,
       m.recipient, m.payload ->> 'subject' AS subject, m.delivery, NULL::uuid AS went_on_as
FROM communication_jobs j
LEFT JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = j.id AND m.created_at = j.created_at
WHERE j.tenant_id = %(tenant_id)s AND j.state IN ('uncertain', 'held') ORDER BY j.id DESC LIMIT %(limit)s

-- name: whole
-- Everything that the queue or the history knows about one message.
SELECT j.id, j.communication, j.customer_id, j.equipment_ids, j.work_order_id, j.occasions, j.source, j.due_on, j.as_of, j.fallback_of,
       j.state, 'waiting' AS outcome, j.reason, j.run_at, j.useful_until, j.attempts, j.deaths, j.checks, j.unknown_since, j.check_at,
       j.created_at, NULL::timestamptz AS finished_at, j.job_type
FROM communication_jobs j WHERE j.tenant_id = %(tenant_id)s AND j.id = %(id)s
UNION ALL
SELECT h.id, h.communication, h.customer_id, h.equipment_ids, h.work_order_id, h.occasions, h.source, h.due_on, h.as_of, h.fallback_of,
       h.outcome, h.outcome, h.reason, NULL, NULL, h.attempts, NULL, NULL, NULL, NULL, h.created_at, h.finished_at, h.job_type
FROM communication_history h WHERE h.tenant_id = %(tenant_id)s AND h.id = %(id)s

-- name: fallback
-- The message that took over after this one had failed.
SELECT f.id FROM communication_history f
WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = %(customer_id)s AND f.fallback_of = %(id)s
UNION ALL
SELECT f.id FROM communication_jobs f
WHERE f.tenant_id = %(tenant_id)s AND f.customer_id = %(customer_id)s AND f.fallback_of = %(id)s
LIMIT 1

-- name: newest_sent_email
-- Where the demo opens the console.
SELECT h.id FROM communication_history h
JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = h.id AND m.created_at = h.created_at
WHERE h.tenant_id = %(tenant_id)s AND h.outcome = 'sent' AND m.channel = 'email'
ORDER BY h.finished_at DESC, h.id DESC LIMIT 1

-- name: recent_customers
-- Who was written to lately, for a search without words.
SELECT x.customer_id, max(x.finished_at) AS at FROM (
    SELECT h.customer_id, h.finished_at FROM communication_history h
    WHERE h.tenant_id = %(tenant_id)s AND h.outcome = 'sent' ORDER BY h.finished_at DESC LIMIT 200) x
GROUP BY x.customer_id ORDER BY at DESC, x.customer_id LIMIT %(limit)s

-- name: attachment
-- The bytes of a file that went with a message.
SELECT a.content FROM attachments a WHERE a.tenant_id = %(tenant_id)s AND a.sha256 = %(sha256)s

-- name: written_to
-- The addresses that a customer was written to: a preference link knows only the hash of its own.
SELECT DISTINCT m.recipient FROM (
    (SELECT h.id, h.created_at FROM communication_history h
     WHERE h.tenant_id = %(tenant_id)s AND h.customer_id = %(customer_id)s ORDER BY h.finished_at DESC LIMIT 100)
    UNION ALL
    (SELECT j.id, j.created_at FROM communication_jobs j
     WHERE j.tenant_id = %(tenant_id)s AND j.customer_id = %(customer_id)s LIMIT 100)) x
JOIN messages m ON m.tenant_id = %(tenant_id)s AND m.id = x.id AND m.created_at = x.created_at
WHERE m.channel = %(channel)s

-- name: stops
-- What an address, known by its hash, must not get.
SELECT s.purpose, s.reason, s.since FROM suppressions s
WHERE s.tenant_id = %(tenant_id)s AND s.channel = %(channel)s AND s.address_hash = %(address_hash)s
