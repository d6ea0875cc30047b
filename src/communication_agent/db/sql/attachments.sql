-- name: store
-- Content is kept once under its hash.
INSERT INTO attachments (tenant_id, sha256, content, stored_at)
VALUES (%(tenant_id)s, %(sha256)s, %(content)s, %(now)s)
ON CONFLICT (tenant_id, sha256) DO NOTHING

-- name: read
-- The bytes that were promised when the message was made.
SELECT content FROM attachments WHERE tenant_id = %(tenant_id)s AND sha256 = %(sha256)s
