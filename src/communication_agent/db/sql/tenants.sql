-- name: save
-- A tenant file that is given again updates its tenant; the day it was added stays.
INSERT INTO tenants AS t (tenant_id, name, time_zone, settings, secrets, added_at, updated_at)
VALUES (%(tenant_id)s, %(name)s, %(time_zone)s, %(settings)s, %(secrets)s, %(now)s, %(now)s)
ON CONFLICT (tenant_id) DO UPDATE
SET name = excluded.name, time_zone = excluded.time_zone, settings = excluded.settings, secrets = excluded.secrets,
    updated_at = excluded.updated_at


-- name: load
-- One tenant with its sealed secrets.
SELECT tenant_id, settings, secrets FROM tenants WHERE tenant_id = %(tenant_id)s

-- name: all
-- Who is served at all.
-- fanout: the scheduler and the dispatcher serve everybody; a plain read, small, cached by its callers
SELECT tenant_id, settings, secrets FROM tenants ORDER BY tenant_id

-- name: reseal
-- Rotation of the key: only if nobody saved the tenant in between.
UPDATE tenants SET secrets = %(secrets)s WHERE tenant_id = %(tenant_id)s AND secrets = %(before)s

-- name: pause
-- Somebody stops sending; a second reason replaces the first, the time of the first stays.
INSERT INTO controls (tenant_id, scope, reason, actor, since)
VALUES (%(tenant_id)s, %(scope)s, %(reason)s, %(actor)s, %(now)s)
ON CONFLICT (tenant_id, scope) DO UPDATE SET reason = excluded.reason, actor = excluded.actor

-- name: resume
-- Sending goes on; nothing happens where nothing was stopped.
DELETE FROM controls WHERE tenant_id = %(tenant_id)s AND scope = %(scope)s

-- name: pauses
-- Everything that is stopped, for the gate.
-- fanout: a pause of everything has the tenant '*'; a plain read of very few rows
SELECT tenant_id, scope, reason, actor, since FROM controls ORDER BY tenant_id, scope

-- name: note
-- Who changed what.
INSERT INTO audit_log (tenant_id, id, at, actor, action, object, detail)
VALUES (%(tenant_id)s, %(id)s, %(now)s, %(actor)s, %(action)s, %(object)s, %(detail)s)
