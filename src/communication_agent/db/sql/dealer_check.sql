-- dealer: these run in the dealer's own database, on the comm views, where there is no tenant_id

-- name: columns
-- The views' columns as the catalog knows them, readable or not: information_schema hides what one has no right to.
SELECT c.relname::text AS view, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       has_schema_privilege('comm', 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'comm'
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')
ORDER BY c.relname, a.attnum

-- name: large_relations
-- Tables that nobody wants to read from end to end, by the planner's own estimate.
SELECT c.relname::text AS relation, max(c.reltuples)::bigint AS rows
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 'p', 'f') AND c.reltuples > %(rows)s GROUP BY c.relname

-- name: quality_of_customers
-- How many people can be reached at all, before anybody is due for anything.
SELECT count(*)::int AS customers,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM comm.comm_emails m WHERE m.customer_id = c.id))::int AS without_email,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM comm.comm_phones p WHERE p.customer_id = c.id))::int AS without_phone,
       count(*) FILTER (WHERE coalesce(c.first_name, '') = '')::int AS without_first_name,
       count(*) FILTER (WHERE c.do_not_contact)::int AS do_not_contact
FROM comm.comm_customers c

-- name: quality_of_machines
-- What is missing on machines is missing in messages.
SELECT count(*)::int AS machines,
       count(*) FILTER (WHERE e.purchase_date IS NULL)::int AS without_purchase_date,
       count(*) FILTER (WHERE coalesce(e.model, '') = '')::int AS without_model,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM comm.comm_customers c WHERE c.id = e.customer_id))::int AS without_owner
FROM comm.comm_equipment e
