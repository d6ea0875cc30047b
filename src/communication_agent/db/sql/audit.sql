-- name: note
-- Who changed what, in the transaction of the change.
INSERT INTO audit_log (tenant_id, id, at, actor, action, object, detail)
VALUES (%(tenant_id)s, %(id)s, %(now)s, %(actor)s, %(action)s, %(object)s, %(detail)s)

-- name: entries
-- What people changed about one object, in order.
SELECT at, actor, action, detail FROM audit_log WHERE tenant_id = %(tenant_id)s AND object = %(object)s ORDER BY at, id
