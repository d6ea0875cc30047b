-- The people of a made-up dealer and their addresses. Run after sample_dealer.sql.

-- A couple shares its name, its house and its phone; every 25th customer is a company.
CREATE TEMP TABLE sample_people ON COMMIT DROP AS
WITH housed AS (
    SELECT
        n AS id, s.today, s.customers, n % 25 = 0 AS is_company,
        CASE WHEN n % 2 = 0 AND n % 25 > 1 AND n <> 996 AND pg_temp.roll('couple', n, 100) < 8 THEN n - 1 ELSE n END AS house
    FROM sample AS s
    CROSS JOIN LATERAL generate_series(1, s.customers) AS n
    WHERE s.named = 0 OR n NOT BETWEEN 991 AND 995
), called AS (
    SELECT
        housed.*, w.domains, w.area_codes,
        pg_temp.pick('first', id, CASE WHEN hispanic THEN first_es ELSE first_en END) AS first_name,
        pg_temp.pick('last', house, CASE WHEN hispanic THEN last_es ELSE last_en END) AS last_name,
        CASE WHEN is_company THEN pg_temp.pick('last', house, last_en) || ' ' || pg_temp.pick('trade', id, trades) END AS company,
        CASE WHEN tongue < 6 AND hispanic THEN 'es' WHEN tongue < 9 THEN 'en' END AS language
    FROM housed
    CROSS JOIN LATERAL (SELECT pg_temp.roll('hispanic', house, 100) < 14 AND NOT is_company AS hispanic) AS origin
    CROSS JOIN pg_temp.roll('language', house, 10) AS tongue
    CROSS JOIN sample_words AS w
)
SELECT
    c.id, today, customers, house, is_company, domains, area_codes, company, language,
    CASE
        WHEN is_company AND pg_temp.roll('contact', c.id, 10) < 7 THEN NULL
        WHEN pg_temp.roll('nameless', c.id, 100) = 0 THEN NULL
        WHEN pg_temp.roll('nameless', c.id, 100) = 1 THEN ''
        ELSE first_name
    END AS first_name,
    CASE WHEN NOT is_company OR pg_temp.roll('contact', c.id, 10) >= 7 THEN last_name END AS last_name,
    CASE pg_temp.roll('mailbox', c.id, 3)
        WHEN 0 THEN first_name || '.' || last_name
        WHEN 1 THEN left(first_name, 1) || last_name
        ELSE last_name
    END AS mailbox,
    coalesce(a.state, h.state) AS state,
    coalesce(a.postal_code, h.postal_code) AS postal_code,
    a.zone AS away_zone,
    a.area_code AS away_area
FROM called AS c
INNER JOIN sample_homes AS h ON h.slot = pg_temp.roll('home', house, (SELECT count(*) FROM sample_homes))
LEFT JOIN sample_away AS a
    ON pg_temp.roll('away', house, 100) < 5
    AND a.slot = pg_temp.roll('far', house, (SELECT count(*) FROM sample_away));

INSERT INTO public.customers
SELECT
    p.id, first_name, last_name, company, language,
    CASE WHEN pg_temp.roll('postal code', p.id, 100) >= 5 THEN postal_code END,
    CASE WHEN pg_temp.roll('state', p.id, 100) >= 3 THEN state END,
    CASE
        WHEN away_zone IS NOT NULL AND pg_temp.roll('zone', p.id, 2) = 0 THEN away_zone
        WHEN away_zone IS NULL AND pg_temp.roll('zone', p.id, 100) < 3 THEN current_setting('sample.time_zone')
    END,
    pg_temp.moment('created', p.id, met - 1 - pg_temp.roll('known', p.id, 30)::int),
    pg_temp.roll('do not contact', p.id, 200) < 3,
    CASE WHEN pg_temp.roll('channel', p.id, 100) < 14 THEN 'sms' WHEN pg_temp.roll('channel', p.id, 100) < 30 THEN 'email' END,
    CASE WHEN pg_temp.roll('email consent', p.id, 100) < 5 THEN false WHEN pg_temp.roll('email consent', p.id, 100) < 70 THEN true END,
    sms_consent,
    CASE WHEN sms_consent IS NOT NULL
        THEN pg_temp.moment('consent at', p.id, greatest(met, today - 1 - pg_temp.roll('consent', p.id, 900)::int)) END
FROM sample_people AS p
LEFT JOIN (SELECT customer_id, min(bought) AS first_sale FROM sample_machines GROUP BY customer_id) AS m ON m.customer_id = p.id
CROSS JOIN LATERAL coalesce(m.first_sale, today - 30) AS met
CROSS JOIN LATERAL (
    SELECT CASE WHEN pg_temp.roll('sms', p.id, 100) < 9 THEN false WHEN pg_temp.roll('sms', p.id, 100) < 45 THEN true END AS sms_consent
) AS asked
UNION ALL
SELECT
    v.id, first_name, last_name, NULL, language, postal_code, 'OH', NULL, pg_temp.moment('created', v.id, known),
    false, channel, email, sms, CASE WHEN sms IS NOT NULL THEN pg_temp.moment('consent at', v.id, today - 5) END
FROM sample AS s
CROSS JOIN LATERAL (VALUES
    (991, 'Karen', 'Smith', 'en', '43061', (karen - interval '7 years')::date, 'email', true, NULL::boolean),
    (992, 'Marcus', 'Bell', 'en', '43015', today - 7, 'sms', true, true),
    (993, 'Priya', 'Raman', 'en', '43065', (karen - interval '4 years')::date, NULL, false, false),
    (994, 'Walter', 'Nowak', 'en', '43074', karen, NULL, true, NULL),
    (995, 'Rosa', 'Delgado', 'es', '43017', today - 7, 'sms', true, true)
) AS v (id, first_name, last_name, language, postal_code, known, channel, email, sms)
WHERE named > 0;

-- Some have no address, some several, some a wrong one; none or two may be marked as the one to use.
CREATE TEMP TABLE sample_addresses ON COMMIT DROP AS
SELECT
    p.id AS customer_id, kind, nth, p.id * 10 + nth AS draw, p.away_area, p.area_codes, p.domains, p.customers,
    -- Couples share the phone, and every other couple the mailbox too.
    CASE WHEN nth = 1 AND (kind = 'phone' OR p.house % 4 = 1) THEN p.house ELSE p.id END AS shared,
    pg_temp.roll(kind || ' status', p.id * 10 + nth, 100) AS quality
FROM sample_people AS p
CROSS JOIN (VALUES ('mail'), ('phone')) AS kinds (kind)
CROSS JOIN LATERAL pg_temp.roll('how many ' || kind, p.id, 100) AS luck
CROSS JOIN LATERAL generate_series(1, CASE WHEN luck < 7 THEN 0 WHEN luck < 78 THEN 1 ELSE 2 END) AS nth;

INSERT INTO public.emails (customer_id, address, is_primary, status)
SELECT customer_id, address, is_primary, status
FROM (
    SELECT
        customer_id, nth,
        CASE WHEN pg_temp.roll('mail typo', draw, 250) = 0 THEN replace(address, '@', ' at ') ELSE address END AS address,
        pg_temp.roll('primary mail', draw, 100) < CASE nth WHEN 1 THEN 95 ELSE 4 END AS is_primary,
        CASE WHEN quality < 5 THEN 'bounced' WHEN quality < 7 THEN 'invalid' WHEN quality < 70 THEN 'active' END AS status
    FROM sample_addresses AS a
    CROSS JOIN LATERAL (
        SELECT
            -- Accents before lower(): whether that knows Ó depends on the server's locale.
            regexp_replace(lower(translate(
                CASE nth WHEN 1 THEN '' ELSE 'home.' END || CASE WHEN h.is_company THEN 'office' ELSE h.mailbox END,
                'áéíóúñüÓÁÉÍÚÑö', 'aeiounuoaeiuno'
            )), '[^a-z.]', '', 'g')
            || h.id || '@' || pg_temp.pick('domain', h.id * 10 + nth, a.domains) || '.example' AS address
        FROM sample_people AS h
        WHERE h.id = a.shared
    ) AS written
    WHERE kind = 'mail'
    UNION ALL
    SELECT v.* FROM sample
    CROSS JOIN (VALUES
        (991, 1, 'karen.smith@mailbox.example', true, 'active'), (991, 2, 'ksmith@valleynet.example', false, 'bounced'),
        (992, 1, 'marcus.bell@lakemail.example', true, 'active'), (993, 1, 'priya.raman@homenet.example', true, 'active'),
        (994, 1, 'walter.nowak@farmlink.example', true, NULL), (995, 1, 'rosa.delgado@mailbox.example', true, 'active')
    ) AS v
    WHERE named > 0
) AS every
ORDER BY customer_id, nth;

-- Numbers 0100 to 0189 of each area code, each given to one house; 0142 is a dealer's own, 0191 to 0199 the named people's.
INSERT INTO public.phones (customer_id, number, is_primary, status)
SELECT customer_id, number, is_primary, status
FROM (
    SELECT
        customer_id, nth,
        CASE pg_temp.roll('written', draw, 100) % 6
            WHEN 0 THEN CASE WHEN pg_temp.roll('no area', draw, 40) = 0 THEN '555-' || line ELSE format('%s.555.%s', area, line) END
            WHEN 3 THEN format('%s-555-%s', area, line)
            WHEN 1 THEN format('%s555%s', area, line)
            WHEN 2 THEN format('+1%s555%s', area, line)
            ELSE format('(%s) 555-%s', area, line)
        END AS number,
        pg_temp.roll('primary number', draw, 100) < CASE nth WHEN 1 THEN 95 ELSE 4 END AS is_primary,
        CASE WHEN quality < 2 THEN 'bounced' WHEN quality < 5 THEN 'invalid' WHEN quality < 70 THEN 'active' END AS status
    FROM sample_addresses
    CROSS JOIN LATERAL (SELECT (shared + (nth - 1) * customers) * 1597 % (89 * cardinality(area_codes)) AS place) AS placed
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN customer_id % 2 = 0 AND away_area IS NOT NULL THEN away_area ELSE area_codes[1 + place / 89] END AS area,
            '01' || lpad(((43 + place % 89) % 90)::text, 2, '0') AS line
    ) AS dialled
    WHERE kind = 'phone'
    UNION ALL
    SELECT v.* FROM sample
    CROSS JOIN (VALUES
        (991, 1, '(614) 555-0191', true, 'active'), (992, 1, '(614) 555-0199', true, NULL), (993, 1, '(614) 555-0193', true, 'active'),
        (994, 1, '(614) 555-0194', true, 'active'), (995, 1, '(614) 555-0195', true, 'active')
    ) AS v
    WHERE named > 0
) AS every
ORDER BY customer_id, nth;
