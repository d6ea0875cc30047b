-- A made-up dealer in the tables of tenant_schema.sql: no person, address, number or maker in it is real.
--
-- Four files, run in this order in one transaction on empty tables: sample_words, sample_dealer (who bought what, when),
-- sample_people, sample_workshop. Plain SQL; before them set
--   sample.today (civil date), sample.time_zone (IANA), sample.home_state (OH or CO), sample.seed (integer),
--   sample.customers, sample.machines, sample.work_orders (row counts, kept exactly from 25, 60 and 150 on,
--   and up to 90,000 machines).
-- The same settings make the same rows. Every address ends in .example, every number is a 555-01xx one.
--
-- With 995 customers or more, five of them are always the same people:
--   991 Karen Smith     Meadowlark ZT-48 (machine 99101), anniversary 14 days after today: her tune-up is due today;
--                       her old Meadowlark LT-42 (99102) was traded in on the day she bought it
--   992 Marcus Bell     wants SMS; Northfell SnowRunner 28 Pro (99201) bought 7 days ago; his number (614) 555-0199
--                       is the one that the outbox is told to refuse
--   993 Priya Raman     has refused email and SMS; her tune-up (99301) is due today
--   994 Walter Nowak    his ZT-42 (99401) has its anniversary in 14 days, but he sold it 150 days ago
--   995 Rosa Delgado    reads Spanish, wants SMS; Northfell Drift 21E (99501) bought 7 days ago

-- A die: the same `what` and `n` always show the same of 0 .. sides - 1.
CREATE OR REPLACE FUNCTION pg_temp.roll(what text, n bigint, sides bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (hashtextextended(what || n, current_setting('sample.seed')::bigint) & 9223372036854775807) % sides
$$;

CREATE OR REPLACE FUNCTION pg_temp.pick(what text, n bigint, words text[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT words[1 + pg_temp.roll(what, n, cardinality(words))]
$$;

-- A moment in the dealer's working hours of a civil day.
CREATE OR REPLACE FUNCTION pg_temp.moment(what text, n bigint, day date) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (day + time '08:00' + pg_temp.roll(what, n, 540) * interval '1 minute')
        AT TIME ZONE current_setting('sample.time_zone')
$$;

CREATE TEMP TABLE sample ON COMMIT DROP AS
SELECT
    s.*,
    a_day,
    36 * a_day + a_hundredth AS recents,
    CASE WHEN customers >= 995 THEN 5 ELSE 0 END AS named,
    CASE WHEN customers >= 995 THEN 6 ELSE 0 END AS named_machines,
    (today + 14 - interval '4 years')::date AS karen  -- four years: no other number has an anniversary on every Feb 29
FROM (
    SELECT
        current_setting('sample.today')::date AS today,
        current_setting('sample.customers')::int AS customers,
        current_setting('sample.machines')::int AS machines,
        current_setting('sample.work_orders')::int AS work_orders,
        current_setting('sample.machines')::int / 100 AS a_hundredth
) AS s
CROSS JOIN LATERAL greatest(1, machines / 1500) AS a_day;  -- sales, and pick-ups, that each of the last days has at least

-- Machines: each ordinary customer but a few has one, companies more. `sold_in` spreads the days of sale over the year.
CREATE TEMP TABLE sample_machines ON COMMIT DROP AS
WITH drawn AS (
    SELECT
        n, s.*, m.*, n <= s.recents AS recent, s.customers - s.named AS ordinary,
        CASE WHEN pg_temp.roll('out of season', n, 10) < 4 THEN 'any' ELSE m.season END AS sold_in
    FROM sample AS s
    CROSS JOIN LATERAL generate_series(1, s.machines - s.named_machines) AS n
    INNER JOIN sample_models AS m ON m.slot = pg_temp.roll('model', n, (SELECT count(*) FROM sample_models))
), spread AS (
    -- An additive recurrence with two irrational steps: every stretch of days gets its share, of every year.
    SELECT
        *,
        ((0.7548776662 * k + pg_temp.roll('day', 0, 1000) / 1000.0) % 1)::float8 AS of_year,
        ((0.5698402910 * k + pg_temp.roll('year', 0, 1000) / 1000.0) % 1)::float8 AS of_decade
    FROM (SELECT *, row_number() OVER (PARTITION BY recent, sold_in ORDER BY n) AS k FROM drawn) AS ranked
), sold AS (
    SELECT
        *,
        make_date(extract(year FROM today)::int - floor(11 * power(of_decade, 1.15))::int, 1, 1)
        + floor(CASE sold_in
            WHEN 'any' THEN 365 * of_year
            WHEN 'spring' THEN 115 + 30 * ln((of_year + 0.01) / (1.01 - of_year))
            ELSE 310 + 20 * ln((of_year + 0.01) / (1.01 - of_year))
        END + 365)::int % 365 AS day
    FROM spread
), owned AS (
    SELECT
        *,
        CASE
            WHEN n <= 36 * a_day THEN today - 1 - ((n - 1) / a_day)::int
            WHEN recent THEN today - 1 - pg_temp.roll('sold', n, 36)::int
            WHEN day < today - 37 THEN day
            ELSE (day - interval '1 year')::date
        END AS bought,
        CASE
            WHEN recent AND n % 2 = 1 THEN ordinary - pg_temp.roll('newcomer', n, ordinary / 20 + 1)
            WHEN n BETWEEN recents + 1 AND recents + ordinary * 93 / 100 THEN n - recents
            ELSE 1 + pg_temp.roll('owner', n, ordinary)
        END AS owner
    FROM sold
)
SELECT
    n AS id, today, recent, make, model, kind, power_source, serial, care, hours_a_year, warranty_years, bought,
    CASE
        WHEN n > recents + ordinary AND pg_temp.roll('fleet', n, 10) < 3 THEN 25 * (1 + pg_temp.roll('company', n, customers / 25))
        WHEN named > 0 AND owner >= 991 THEN owner + named
        ELSE owner
    END AS customer_id,
    CASE
        WHEN recent AND n > 36 * a_day AND n % 10 = 4 AND bought <= today - 4 THEN bought + 3
        WHEN bought < today - 1000 AND pg_temp.roll('disposed', n, 100) < 9
            THEN bought + 200 + pg_temp.roll('disposed on', n, today - bought - 220)::int
    END AS disposed
FROM owned
UNION ALL
SELECT
    v.id, s.today, false, m.make, m.model, m.kind, m.power_source, m.serial, m.care, m.hours_a_year, m.warranty_years, v.bought,
    v.customer_id, v.disposed
FROM sample AS s
CROSS JOIN LATERAL (VALUES
    (99101, 991, 'ZT-48', s.karen, NULL::date),
    (99102, 991, 'LT-42', (s.karen - interval '7 years')::date, s.karen),
    (99201, 992, 'SnowRunner 28 Pro', s.today - 7, NULL),
    (99301, 993, 'SP-21', (s.karen - interval '4 years')::date, NULL),
    (99401, 994, 'ZT-42', s.karen, s.today - 150),
    (99501, 995, 'Drift 21E', s.today - 7, NULL)
) AS v (id, customer_id, model, bought, disposed)
INNER JOIN (SELECT DISTINCT ON (model) * FROM sample_models ORDER BY model, slot) AS m ON m.model = v.model
WHERE s.named > 0;
