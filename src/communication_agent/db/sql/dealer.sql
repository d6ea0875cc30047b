-- dealer: these run in the dealer's own database, on the comm views, where there is no tenant_id

-- name: customers
-- Native key types on the left: a cast there would cost the index.
SELECT c.id::text AS id, c.first_name, c.last_name, c.company, c.language, c.postal_code, c.state, c.time_zone, c.do_not_contact,
       c.preferred_channel, c.email_consent, c.sms_consent, c.sms_consent_at
FROM comm.comm_customers c WHERE c.id = ANY (%(ids)s)

-- name: emails
-- Every address the dealer has, the primary first.
SELECT customer_id::text AS customer_id, address AS value, is_primary, status FROM comm.comm_emails
WHERE customer_id = ANY (%(ids)s) ORDER BY customer_id, is_primary DESC NULLS LAST, address

-- name: phones
-- Every number the dealer has, the primary first.
SELECT customer_id::text AS customer_id, number AS value, is_primary, status FROM comm.comm_phones
WHERE customer_id = ANY (%(ids)s) ORDER BY customer_id, is_primary DESC NULLS LAST, number

-- name: equipment
-- Machines by id; the session's time zone is the dealer's, so ::date is the civil date there.
SELECT e.id::text AS id, e.customer_id::text AS customer_id, e.make, e.model, e.kind, e.power_source, e.serial_number, e.purchase_date, e.warranty_end,
       floor(e.machine_hours)::int AS machine_hours, e.hours_read_at::date AS hours_read_on, e.disposed_at::date AS disposed_on
FROM comm.comm_equipment e WHERE e.id = ANY (%(ids)s)

-- name: equipment_of
-- A customer's machines, the newest first.
SELECT e.id::text AS id, e.customer_id::text AS customer_id, e.make, e.model, e.kind, e.power_source, e.serial_number, e.purchase_date, e.warranty_end,
       floor(e.machine_hours)::int AS machine_hours, e.hours_read_at::date AS hours_read_on, e.disposed_at::date AS disposed_on
FROM comm.comm_equipment e WHERE e.customer_id = ANY (%(ids)s) ORDER BY e.customer_id, e.purchase_date DESC NULLS LAST, e.id

-- name: work_orders
-- Work orders by id.
SELECT w.id::text AS id, w.number::text AS number, w.kind, w.status, w.summary, w.completed_at::date AS completed_on, w.picked_up_at::date AS picked_up_on
FROM comm.comm_work_orders w WHERE w.id = ANY (%(ids)s)

-- name: work_orders_of
-- A customer's work orders, the newest first.
SELECT w.id::text AS id, w.number::text AS number, w.kind, w.status, w.summary, w.completed_at::date AS completed_on, w.picked_up_at::date AS picked_up_on,
       w.opened_at::date AS opened_on
FROM comm.comm_work_orders w WHERE w.customer_id = ANY (%(ids)s) ORDER BY w.opened_at DESC LIMIT 50

-- name: find_customers
-- By id or by any part of the name, for people.
SELECT c.id::text AS id FROM comm.comm_customers c
WHERE c.id::text = %(text)s OR concat_ws(' ', c.first_name, c.last_name) ILIKE %(like)s OR c.company ILIKE %(like)s
ORDER BY (c.id::text = %(text)s) DESC, (lower(concat_ws(' ', c.first_name, c.last_name)) = lower(%(text)s)) DESC, c.last_name, c.first_name, c.id::text
LIMIT %(limit)s

-- name: some_customers
-- The first customers of a dealer, for a search without words.
SELECT count(*)::int AS customers FROM comm.comm_customers

-- name: columns
-- What the comm views offer, for `tenants check`.
SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'comm' ORDER BY 1, ordinal_position
