-- What the workshop of a made-up dealer has done, the hour meters it has read, and the machines. Run after sample_people.sql.

-- Machines with a part to play: due for a first service, due by hours, worn out. The others are ordinary.
CREATE TEMP TABLE sample_roles ON COMMIT DROP AS
SELECT id, role, place, a_hundredth
FROM (
    SELECT m.id, r.role, row_number() OVER (PARTITION BY r.role ORDER BY pg_temp.roll('role', m.id, 1000000000), m.id) AS place
    FROM sample_machines AS m
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN bought < today - 2930 THEN 'worn out'
            WHEN hours_a_year IS NOT NULL AND bought < today - 1200 THEN 'usage'
            WHEN hours_a_year IS NOT NULL AND bought < today - 110 THEN 'first service'
        END AS role
    ) AS r
    WHERE disposed IS NULL AND id < 99000 AND r.role IS NOT NULL
) AS fit
CROSS JOIN sample
WHERE place <= CASE role WHEN 'worn out' THEN 2 ELSE 1 END * a_hundredth;

CREATE TEMP TABLE sample_orders ON COMMIT DROP AS
WITH ordinary AS (
    SELECT m.*, row_number() OVER (ORDER BY pg_temp.roll('bench', id, 1000000000), id) - 1 AS slot
    FROM sample_machines AS m
    WHERE disposed IS NULL AND id < 99000 AND bought < today - 60 AND id NOT IN (SELECT id FROM sample_roles)
), fetched AS (
    -- Somebody fetches a machine on each of the last 40 days.
    SELECT n, s.today - 1 - CASE WHEN n <= 40 * s.a_day THEN (n - 1) / s.a_day ELSE pg_temp.roll('fetched', n, 40) END::int AS day
    FROM sample AS s
    CROSS JOIN LATERAL generate_series(1, 40 * s.a_day + s.a_hundredth) AS n
), wanted AS (
    SELECT
        'fetched' AS origin, n, o.id AS machine_id,
        CASE pg_temp.roll('fetched kind', n, 2) WHEN 0 THEN 'service' ELSE 'repair' END AS kind,
        'picked_up' AS status, day - 3 - pg_temp.roll('waited', n, 12)::int AS opened, day AS picked_up, NULL AS summary
    FROM fetched INNER JOIN ordinary AS o ON o.slot = pg_temp.roll('fetched machine', n, (SELECT count(*) FROM ordinary))
    UNION ALL
    SELECT
        'open', n, o.id, CASE pg_temp.roll('open kind', n, 3) WHEN 0 THEN 'service' ELSE 'repair' END, 'open',
        o.today - 1 - pg_temp.roll('open since', n, 20)::int, NULL, NULL
    FROM sample AS s
    CROSS JOIN LATERAL generate_series(1, s.work_orders / 100) AS n
    INNER JOIN ordinary AS o ON o.slot = pg_temp.roll('open machine', n, (SELECT count(*) FROM ordinary))
    UNION ALL
    SELECT 'came back', m.id, m.id, 'warranty', 'open', s.today - 2, NULL, NULL  -- bought a week ago and in the workshop again
    FROM sample AS s
    INNER JOIN sample_machines AS m ON m.id = 6 * s.a_day + 1
    WHERE s.a_day > 1
    UNION ALL
    SELECT 'worn out', m.id * 10 + n, m.id, 'repair', 'picked_up', m.bought + 300 + pg_temp.roll('wear', m.id * 10 + n, 2500)::int, NULL, NULL
    FROM sample_roles AS r
    INNER JOIN sample_machines AS m USING (id)
    CROSS JOIN LATERAL generate_series(1, 3 + r.place % 3) AS n
    WHERE r.role = 'worn out'
    UNION ALL
    SELECT 'karen', v.n, v.machine_id, v.kind, 'picked_up', v.opened, v.opened + 3, v.summary
    FROM sample AS s
    CROSS JOIN LATERAL (VALUES
        (1, 99102, 'repair', s.karen - 500, 'new deck drive belt and two blades'),
        (2, 99101, 'service', s.karen + 75, '20-hour service: oil and filter, belts and cables checked'),
        (3, 99101, 'service', (s.karen + interval '1 year')::date + 6, 'blade sharpening, oil and filter change'),
        (4, 99101, 'repair', (s.karen + interval '2 years')::date + 80, 'new deck drive belt'),
        (5, 99101, 'service', (s.karen + interval '2 years')::date + 6, 'annual tune-up, air filter and spark plug'),
        (6, 99101, 'service', (s.karen + interval '3 years')::date + 6, 'blade sharpening, oil and filter change')
    ) AS v (n, machine_id, kind, opened, summary)
    WHERE s.named > 0
), aged AS (
    SELECT m.*, r.role, row_number() OVER (ORDER BY bought DESC, m.id) - 1 AS slot
    FROM sample_machines AS m
    LEFT JOIN sample_roles AS r USING (id)
    WHERE m.id < 99000 AND bought < m.today - 115
), past AS (
    SELECT
        n, a.id, a.role, a.bought, a.today,
        a.bought + 15 + pg_temp.roll('opened', n, least(a.disposed, a.today - 50) - a.bought - 25)::int AS opened
    FROM sample AS s
    CROSS JOIN LATERAL generate_series(1, s.work_orders - (SELECT count(*) FROM wanted)) AS n
    -- The older the machine, the more often it comes.
    INNER JOIN aged AS a
        ON a.slot = floor((SELECT count(*) FROM aged) * power(pg_temp.roll('machine', n, 1000000) / 1e6, 0.7::float8))::bigint
), every AS (
    SELECT * FROM wanted
    UNION ALL
    SELECT
        'past', n, id,
        CASE
            WHEN pg_temp.roll('kind', n, 100) < 52 AND role IS DISTINCT FROM 'first service' AND opened < today - 110 THEN 'service'
            WHEN pg_temp.roll('kind', n, 100) < 62 AND opened < bought + 700 THEN 'warranty'
            ELSE 'repair'
        END,
        CASE pg_temp.roll('status', n, 25) WHEN 0 THEN 'cancelled' WHEN 1 THEN 'completed' ELSE 'picked_up' END,
        opened, NULL, NULL
    FROM past
), timed AS (
    SELECT
        e.*, m.customer_id, m.care,
        hashtextextended(origin, n) AS draw,
        coalesce(picked_up, opened + 3 + (n % 9)::int) AS fetched
    FROM every AS e
    INNER JOIN sample_machines AS m ON m.id = e.machine_id
)
SELECT
    row_number() OVER (ORDER BY t.opened, t.origin COLLATE "C", t.n) AS id,
    t.customer_id, t.machine_id, t.kind, t.status, t.opened,
    pg_temp.moment('opened at', t.draw, t.opened) AS opened_at,
    CASE WHEN t.status IN ('completed', 'picked_up') THEN pg_temp.moment('done at', t.draw, t.fetched - 1) END AS completed_at,
    CASE WHEN t.status = 'picked_up' THEN pg_temp.moment('fetched at', t.draw, t.fetched) END AS picked_up_at,
    coalesce(t.summary, pg_temp.pick('summary', t.draw, CASE t.kind WHEN 'service' THEN w.service ELSE w.repair END)) AS summary
FROM timed AS t
INNER JOIN sample_work AS w USING (care);

-- Hour meters are read in the workshop; machines with a part to play have been read lately, half of them in the last week.
CREATE TEMP TABLE sample_meters ON COMMIT DROP AS
WITH read AS (
    SELECT
        m.id, m.bought, r.role, hours_a_year, served.opened_at,
        CASE
            WHEN served.opened IS NOT NULL THEN served.opened
            WHEN r.place <= r.a_hundredth / 2 THEN m.today - 1 - (r.place % 6)::int
            WHEN r.place IS NOT NULL THEN m.today - 7 - 4 * (r.place - r.a_hundredth / 2)::int
            ELSE least(m.disposed - 5, m.today - 90 - pg_temp.roll('read', m.id, 300)::int)
        END AS day
    FROM sample_machines AS m
    LEFT JOIN sample_roles AS r ON r.id = m.id AND r.role IN ('usage', 'first service')
    LEFT JOIN (
        SELECT machine_id, max(opened) AS opened, max(opened_at) AS opened_at FROM sample_orders
        WHERE kind = 'service' AND status IN ('completed', 'picked_up')
        GROUP BY machine_id
    ) AS served ON served.machine_id = m.id AND r.id IS NULL
    WHERE hours_a_year IS NOT NULL AND (r.id IS NOT NULL OR m.id > 99000 OR pg_temp.roll('never read', m.id, 100) >= 15)
)
SELECT
    id, bought, day, coalesce(opened_at, pg_temp.moment('read at', id, day)) AS read_at,
    CASE
        WHEN id = 99101 THEN 86.4
        WHEN role = 'first service' THEN 20 + pg_temp.roll('tenths', id, 780) / 10.0
        WHEN role = 'usage' THEN 100 * (1 + pg_temp.roll('hundreds', id, 5)) + pg_temp.roll('tenths', id, 290) / 10.0
        ELSE round((day - bought) / 365.0 * hours_a_year * (0.5 + pg_temp.roll('use', id, 100) / 100.0), 1)
    END AS hours
FROM read
WHERE day > bought + 10;

INSERT INTO public.equipment
SELECT
    m.id, customer_id, make,
    CASE WHEN named OR pg_temp.roll('no model', m.id, 300) > 0 THEN model END,
    kind,
    CASE WHEN named OR pg_temp.roll('no power', m.id, 25) > 0 THEN power_source END,
    CASE WHEN m.id = 99101 THEN 'MLZ48-20931' WHEN pg_temp.roll('no serial', m.id, 16) > 0 THEN serial || '-' || 10000 + m.id * 7 END,
    CASE WHEN named OR recent OR pg_temp.roll('no date', m.id, 100) > 0 THEN m.bought END,
    CASE WHEN named OR pg_temp.roll('no warranty', m.id, 12) > 0 THEN (m.bought + warranty_years * interval '1 year')::date END,
    hours, read_at,
    pg_temp.moment('disposed at', m.id, disposed)
FROM sample_machines AS m
LEFT JOIN sample_meters AS h ON h.id = m.id
CROSS JOIN LATERAL (SELECT m.id > 99000 AS named) AS n;

INSERT INTO public.work_orders
SELECT
    id, 'WO-' || 14318 + id, customer_id,
    CASE WHEN kind <> 'repair' OR machine_id > 99000 OR pg_temp.roll('no machine', id, 100) > 0 THEN machine_id END,
    kind, status, opened_at, completed_at, picked_up_at, summary
FROM sample_orders;

INSERT INTO public.hour_readings
SELECT
    id,
    CASE WHEN nth = times THEN read_at ELSE pg_temp.moment('reading', id * 10 + nth, bought + (day - bought) * nth / times) END,
    round(hours * nth / times, 1)
FROM (SELECT *, 1 + least(6, floor(hours / 60))::int AS times FROM sample_meters) AS m
CROSS JOIN LATERAL generate_series(1, times) AS nth;

ANALYZE public.customers, public.emails, public.phones, public.equipment, public.work_orders, public.hour_readings;
