-- Example: the comm views over a dealer's own tables (cust, unit, ro, contact_mail, contact_phone).
--
-- Your tables have other names, flags and types; only the columns of the views are given. What each column means is written
-- beside it in src/communication_agent/db/reference/tenant_schema.sql, and `communication-agent tenants check` says what is missing.
--   Keys      stay as they are (here varchar, uuid, integer): a cast inside a view takes the index away from every look-up.
--   Flags     become true, false, or null for unknown; codes become the words of the contract.
--   Local     date-times without a zone get the dealer's zone here, once.
--   Readings  of hour meters are not kept here, so the optional view comm_hour_readings is left out.
--
-- Run it as the owner of the tables. The product then reads as a user of its own, which sees the views and nothing else:
--   CREATE ROLE comm_reader LOGIN PASSWORD '...';
--   ALTER ROLE comm_reader SET default_transaction_read_only = on;
--   GRANT USAGE ON SCHEMA comm TO comm_reader;
--   GRANT SELECT ON ALL TABLES IN SCHEMA comm TO comm_reader;

CREATE SCHEMA IF NOT EXISTS comm;

CREATE OR REPLACE VIEW comm.comm_customers AS
SELECT
    cust_no AS id,
    fname AS first_name,
    lname AS last_name,
    biz_name AS company,
    CASE lang WHEN 'ENG' THEN 'en' WHEN 'SPA' THEN 'es' END AS language,
    zip AS postal_code,
    st AS state,
    NULL::text AS time_zone,  -- not kept: postal code and phone tell
    added AT TIME ZONE 'America/Chicago' AS created_at,
    coalesce(stop_flag = 'Y', false) AS do_not_contact,
    CASE contact_via WHEN 'E' THEN 'email' WHEN 'T' THEN 'sms' END AS preferred_channel,
    CASE ok_email WHEN 'Y' THEN true WHEN 'N' THEN false END AS email_consent,
    CASE ok_text WHEN 'Y' THEN true WHEN 'N' THEN false END AS sms_consent,
    ok_text_on AT TIME ZONE 'America/Chicago' AS sms_consent_at
FROM public.cust;

CREATE OR REPLACE VIEW comm.comm_emails AS
SELECT
    cust_no AS customer_id,
    mail AS address,
    rank = 1 AS is_primary,
    CASE bad WHEN 'B' THEN 'bounced' WHEN 'X' THEN 'invalid' ELSE 'active' END AS status
FROM public.contact_mail;

CREATE OR REPLACE VIEW comm.comm_phones AS
SELECT
    cust_no AS customer_id,
    dial AS number,
    rank = 1 AS is_primary,
    CASE bad WHEN 'B' THEN 'bounced' WHEN 'X' THEN 'invalid' ELSE 'active' END AS status
FROM public.contact_phone;

CREATE OR REPLACE VIEW comm.comm_equipment AS
SELECT
    unit_id AS id,
    owner_no AS customer_id,
    brand AS make,
    model_no AS model,
    CASE type_code
        WHEN 'ZT' THEN 'zero-turn mower'
        WHEN 'LT' THEN 'lawn tractor'
        WHEN 'SB' THEN 'snow blower'
        WHEN 'CS' THEN 'chainsaw'
    END AS kind,
    CASE fuel WHEN 'G' THEN 'gas' WHEN 'D' THEN 'diesel' WHEN 'B' THEN 'battery' WHEN 'M' THEN 'manual' END AS power_source,
    sn AS serial_number,
    sold_on AS purchase_date,
    warr_thru AS warranty_end,
    meter AS machine_hours,
    meter_on AT TIME ZONE 'America/Chicago' AS hours_read_at,
    gone_on::timestamp AT TIME ZONE 'America/Chicago' AS disposed_at
FROM public.unit;

CREATE OR REPLACE VIEW comm.comm_work_orders AS
SELECT
    ro_no AS id,
    'RO-' || ro_no AS number,  -- for people to read; look-ups use id
    cust_no AS customer_id,
    unit_id AS equipment_id,
    CASE job WHEN 'R' THEN 'repair' WHEN 'S' THEN 'service' WHEN 'W' THEN 'warranty' END AS kind,
    CASE stage WHEN 3 THEN 'completed' WHEN 4 THEN 'picked_up' WHEN 9 THEN 'cancelled' ELSE 'open' END AS status,
    in_at AT TIME ZONE 'America/Chicago' AS opened_at,
    done_at AT TIME ZONE 'America/Chicago' AS completed_at,
    out_at AT TIME ZONE 'America/Chicago' AS picked_up_at,
    note AS summary
FROM public.ro;

-- The scans look for days of sale, of pick-up and of readings. An index on the same expression as in the view serves them.
CREATE INDEX IF NOT EXISTS unit_owner ON public.unit (owner_no);
CREATE INDEX IF NOT EXISTS unit_sold ON public.unit (sold_on);
CREATE INDEX IF NOT EXISTS unit_warranty ON public.unit (warr_thru);
CREATE INDEX IF NOT EXISTS ro_unit ON public.ro (unit_id);
CREATE INDEX IF NOT EXISTS ro_customer ON public.ro (cust_no);
CREATE INDEX IF NOT EXISTS ro_picked_up ON public.ro ((out_at AT TIME ZONE 'America/Chicago'));
CREATE INDEX IF NOT EXISTS contact_mail_customer ON public.contact_mail (cust_no);
CREATE INDEX IF NOT EXISTS contact_phone_customer ON public.contact_phone (cust_no);
