-- name: suppressed
-- The suppressions of these addresses; only hashes are compared.
SELECT channel, address_hash, purpose, reason, since FROM suppressions
WHERE tenant_id = %(tenant_id)s AND address_hash = ANY (%(hashes)s)

-- name: consents
-- What these customers wished; the latest per channel and purpose counts.
SELECT DISTINCT ON (customer_id, channel, purpose) customer_id, channel, purpose, granted, at FROM consents
WHERE tenant_id = %(tenant_id)s AND customer_id = ANY (%(customers)s)
ORDER BY customer_id, channel, purpose, at DESC

-- name: ledger_of
-- Everything a customer ever wished, with its proof.
SELECT channel, purpose, granted, at, source, words, actor FROM consents
WHERE tenant_id = %(tenant_id)s AND customer_id = %(customer_id)s ORDER BY at DESC

-- name: suppress
-- Effective with this commit, also for jobs that are claimed already; the first proof is kept.
INSERT INTO suppressions (tenant_id, channel, address_hash, purpose, reason, since, source, words, actor)
VALUES (%(tenant_id)s, %(channel)s, %(address_hash)s, %(purpose)s, %(reason)s, %(now)s, %(source)s, %(words)s, %(actor)s)
ON CONFLICT (tenant_id, channel, address_hash, purpose) DO NOTHING

-- name: release
-- Only what the customer took back: bounces and complaints stay.
DELETE FROM suppressions
WHERE tenant_id = %(tenant_id)s AND channel = %(channel)s AND address_hash = %(address_hash)s AND purpose = %(purpose)s
  AND reason IN ('unsubscribed', 'stop', 'staff')

-- name: record
-- Append-only proof.
INSERT INTO consents (tenant_id, id, customer_id, channel, purpose, granted, at, source, words, actor)
VALUES (%(tenant_id)s, %(id)s, %(customer_id)s, %(channel)s, %(purpose)s, %(granted)s, %(now)s, %(source)s, %(words)s, %(actor)s)

-- name: contacts
-- When these customers last got marketing, and from which job.
SELECT customer_id, NULLIF(last_at, '-infinity') AS last_at, last_job_id, NULLIF(previous_at, '-infinity') AS previous_at
FROM marketing_contacts WHERE tenant_id = %(tenant_id)s AND customer_id = ANY (%(customers)s)

-- name: pauses
-- What is stopped for this tenant, or for everybody (tenant '*').
-- fanout: the rows of '*' hold for every tenant
SELECT tenant_id, scope, reason, actor, since FROM controls WHERE tenant_id = ANY (ARRAY[%(tenant_id)s, '*'])

-- name: lock_contacts
-- Makes sure that every customer has a row to lock, so that two workers cannot both take the same customer's turn.
INSERT INTO marketing_contacts (tenant_id, customer_id, last_at, last_job_id)
SELECT %(tenant_id)s, c.customer_id, '-infinity'::timestamptz, '00000000-0000-0000-0000-000000000000'::uuid
FROM unnest(%(customers)s::text[]) AS c (customer_id)
ON CONFLICT (tenant_id, customer_id) DO NOTHING

-- name: read_contacts
-- Locked in one order by every worker: no deadlock.
SELECT customer_id, NULLIF(last_at, '-infinity') AS last_at, last_job_id, NULLIF(previous_at, '-infinity') AS previous_at
FROM marketing_contacts
WHERE tenant_id = %(tenant_id)s AND customer_id = ANY (%(customers)s) ORDER BY customer_id FOR UPDATE

-- name: take_contacts
-- The customer's turn for marketing is taken before the message leaves.
UPDATE marketing_contacts m SET previous_at = m.last_at, last_at = %(now)s, last_job_id = t.job_id
FROM unnest(%(customers)s::text[], %(jobs)s::uuid[]) AS t (customer_id, job_id)
WHERE m.tenant_id = %(tenant_id)s AND m.customer_id = t.customer_id AND m.last_job_id <> t.job_id
