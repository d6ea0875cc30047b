-- The tables of a dealer who never heard of us, with 180 customers, seen from Monday, June 15, 2026 (America/Chicago).
-- docs/examples/dealer_views.sql puts the comm views over them. Customers are H-00001 to H-00180, one machine each:
--   1 to 60     bought 7 days before: check-in due, but for H-00001, whose machine is in the workshop
--   61 to 120   anniversary 14 days later: tune-up due, but for H-00061 (sold it) and H-00062 (serviced 30 days ago)
--   121 to 150  20 to 49 hours, read 10 days ago: first service due, but for H-00121 (serviced) and H-00122 (read 90 days ago)
--   151 to 180  nothing due
-- So 59 check-ins, 58 tune-ups and 28 first services are due. Of each 20 customers the 5th has no email address,
-- the 10th one that bounced and the 15th has refused email; H-00031 must not be contacted at all.

CREATE TABLE public.cust (
    cust_no varchar(12) PRIMARY KEY,
    fname varchar(40),
    lname varchar(40),
    biz_name varchar(60),
    lang char(3),
    zip varchar(10),
    st char(2),
    added timestamp,
    stop_flag char(1),
    contact_via char(1),
    ok_email char(1),
    ok_text char(1),
    ok_text_on timestamp
);

CREATE TABLE public.unit (
    unit_id uuid PRIMARY KEY,
    owner_no varchar(12) REFERENCES public.cust,
    brand varchar(30),
    model_no varchar(30),
    type_code char(2),
    fuel char(1),
    sn varchar(30),
    sold_on date,
    warr_thru date,
    meter integer,
    meter_on timestamp,
    gone_on date
);

CREATE TABLE public.ro (
    ro_no integer PRIMARY KEY,
    cust_no varchar(12) REFERENCES public.cust,
    unit_id uuid REFERENCES public.unit,
    job char(1),
    stage smallint,  -- 1 waiting, 2 on the bench, 3 done, 4 gone, 9 void
    in_at timestamp,
    done_at timestamp,
    out_at timestamp,
    note text
);

CREATE TABLE public.contact_mail (cust_no varchar(12) REFERENCES public.cust, rank smallint, mail varchar(120), bad char(1));
CREATE TABLE public.contact_phone (cust_no varchar(12) REFERENCES public.cust, rank smallint, dial varchar(30), bad char(1));

INSERT INTO public.cust
SELECT
    'H-' || lpad(n::text, 5, '0'),
    (ARRAY['Ada', 'Bilal', 'Cora', 'Dmitri', 'Esi', 'Femi', 'Greta', 'Hugo', 'Ines', 'Jonas', 'Kaya'])[1 + n % 11],
    (ARRAY['Abbott', 'Brook', 'Castro', 'Dunn', 'Ekström', 'Fowler', 'Grant', 'Hsu', 'Ivanova', 'Juarez', 'Kemp', 'Lund', 'Moss'])[1 + n % 13],
    CASE WHEN n % 45 = 0 THEN 'Hill Farm No. ' || n END,
    CASE n % 9 WHEN 0 THEN 'SPA' WHEN 1 THEN NULL ELSE 'ENG' END,
    CASE WHEN n % 12 > 0 THEN '53' || 500 + n END,
    'WI',
    timestamp '2015-03-02 09:00' + n * interval '3 days',
    CASE n WHEN 31 THEN 'Y' ELSE 'N' END,
    CASE n % 6 WHEN 0 THEN 'E' WHEN 1 THEN 'T' END,
    CASE n % 20 WHEN 15 THEN 'N' WHEN 3 THEN ' ' ELSE 'Y' END,
    CASE n % 3 WHEN 0 THEN 'Y' WHEN 1 THEN 'N' END,
    CASE WHEN n % 3 < 2 THEN timestamp '2025-01-10 10:00' + n * interval '1 hour' END
FROM generate_series(1, 180) AS n;

INSERT INTO public.unit
SELECT
    md5('unit ' || n)::uuid,
    'H-' || lpad(n::text, 5, '0'),
    CASE n % 4 WHEN 1 THEN 'Northfell' WHEN 3 THEN 'Timberjay' ELSE 'Meadowlark' END,
    (ARRAY['ZT-48', 'SnowRunner 24', 'LT-42', '18'])[1 + n % 4],
    (ARRAY['ZT', 'SB', 'LT', 'CS'])[1 + n % 4],
    CASE WHEN n % 14 > 0 THEN 'G' END,
    'SN' || 70000 + n,
    sold_on,
    sold_on + 1000,
    CASE WHEN n BETWEEN 121 AND 150 THEN n - 101 END,
    CASE n WHEN 122 THEN timestamp '2026-03-17 11:30' ELSE CASE WHEN n BETWEEN 121 AND 150 THEN timestamp '2026-06-05 11:30' END END,
    CASE n WHEN 61 THEN date '2026-02-02' END
FROM generate_series(1, 180) AS n
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN n <= 60 THEN date '2026-06-08'
        WHEN n <= 120 THEN (date '2026-06-29' - (1 + n % 7) * interval '1 year')::date
        ELSE date '2023-08-01' + n
    END AS sold_on
) AS s;

INSERT INTO public.ro (ro_no, cust_no, unit_id, job, stage, in_at, done_at, out_at, note)
SELECT 5000 + n, 'H-' || lpad(n::text, 5, '0'), md5('unit ' || n)::uuid, job, stage, in_at, done_at, out_at, note
FROM (VALUES
    (1, 'W', 2, timestamp '2026-06-12 09:15', NULL::timestamp, NULL::timestamp, 'belt squeals'),
    (2, 'R', 4, '2026-06-09 13:00', '2026-06-10 15:00', '2026-06-12 10:40', 'blade bent on a stone, replaced'),
    (3, 'S', 9, '2026-06-11 08:20', NULL, NULL, 'cancelled by customer'),
    (62, 'S', 4, '2026-05-16 10:00', '2026-05-18 16:00', '2026-05-19 17:10', 'annual service'),
    (63, 'S', 4, '2026-03-02 10:00', '2026-03-04 12:00', '2026-03-06 09:30', 'spring service'),
    (64, 'R', 1, '2026-06-13 09:00', NULL, NULL, 'will not start'),
    (121, 'S', 3, '2025-05-05 10:00', '2025-05-07 11:00', NULL, 'first service'),
    (123, 'R', 4, '2025-09-01 08:30', '2025-09-03 09:00', '2025-09-03 16:45', 'starter rope replaced')
) AS ro (n, job, stage, in_at, done_at, out_at, note);

INSERT INTO public.contact_mail
SELECT 'H-' || lpad(n::text, 5, '0'), 1, 'customer.' || n || '@hillmail.example', CASE n % 20 WHEN 10 THEN 'B' END
FROM generate_series(1, 180) AS n
WHERE n % 20 <> 5;

INSERT INTO public.contact_phone
SELECT 'H-' || lpad(n::text, 5, '0'), 1, (ARRAY['262', '414', '608', '715', '920'])[1 + n % 5] || '-555-0' || 100 + n / 2, NULL
FROM generate_series(1, 180) AS n
WHERE n % 15 > 0;
