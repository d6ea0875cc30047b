-- name: beat
-- Who is alive, for the console and for people.
INSERT INTO workers (tenant_id, worker, started_at, seen_at, detail) VALUES ('*', %(worker)s, %(now)s, %(now)s, %(detail)s)
ON CONFLICT (tenant_id, worker) DO UPDATE SET seen_at = excluded.seen_at, detail = excluded.detail

-- name: alive
-- Workers that were seen lately.
SELECT worker, started_at, seen_at, detail FROM workers WHERE tenant_id = '*' ORDER BY seen_at DESC LIMIT 100

-- name: leave
-- A worker that ended in an orderly way is no riddle.
DELETE FROM workers WHERE tenant_id = '*' AND (worker = %(worker)s OR seen_at < %(old)s)
