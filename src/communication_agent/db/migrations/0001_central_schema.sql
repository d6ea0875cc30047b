-- The whole central schema. Rules that hold from this first file on (docs/decisions/0003-citus-rules.md):
-- tenant_id first in every key and index, no triggers, no sequences, foreign keys only (tenant_id, x), states CHECKed.
-- Row-level security: the role that owns the tables (the engine) sees every tenant; every other role sees only the rows of
-- the tenant named by the transaction-local setting app.tenant.

CREATE TABLE tenants (
    tenant_id   text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
    name        text NOT NULL,
    time_zone   text NOT NULL,
    settings    jsonb NOT NULL,             -- the tenant file without its secrets
    secrets     bytea NOT NULL,             -- AES-256-GCM, key id in front, tenant_id as associated data
    added_at    timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Pauses: of everything (tenant '*'), of a tenant, of one of its types or channels.
CREATE TABLE controls (
    tenant_id   text NOT NULL,
    scope       text NOT NULL CHECK (scope = 'all' OR scope LIKE 'type:%' OR scope LIKE 'channel:%' OR scope = 'restored_backup'),
    reason      text NOT NULL,
    actor       text NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, scope)
);

CREATE TABLE users (
    tenant_id     text NOT NULL,            -- '*' = may see all tenants
    email         text NOT NULL,
    role          text NOT NULL CHECK (role IN ('viewer', 'editor', 'manager', 'operator')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, email)
);

CREATE TABLE sessions (
    tenant_id   text NOT NULL,
    token_hash  text NOT NULL,
    email       text NOT NULL,
    expires_at  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, token_hash),
    FOREIGN KEY (tenant_id, email) REFERENCES users (tenant_id, email) ON DELETE CASCADE
);

CREATE TABLE api_keys (
    tenant_id   text NOT NULL REFERENCES tenants (tenant_id),
    key_hash    text NOT NULL,
    label       text NOT NULL,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (tenant_id, key_hash)
);

-- Unfinished work only; what has ended moves to communication_history.
CREATE TABLE communication_jobs (
    tenant_id         text NOT NULL REFERENCES tenants (tenant_id),
    id                uuid NOT NULL,
    job_type          text NOT NULL CHECK (job_type IN ('send_email', 'send_sms', 'notify_customer')),
    communication     text NOT NULL,
    customer_id       text NOT NULL,
    equipment_ids     text[] NOT NULL,
    work_order_id     text,
    occasions         text[] NOT NULL,
    source            text NOT NULL,
    due_on            date NOT NULL,
    as_of             date NOT NULL,        -- the day whose scan found it
    facts             jsonb NOT NULL,
    attachments       jsonb NOT NULL,
    fallback_of       uuid,
    lane              smallint NOT NULL CHECK (lane BETWEEN 0 AND 2),
    seq               bigint NOT NULL,
    state             text NOT NULL CHECK (state IN ('scheduled', 'ready', 'claimed', 'dispatching', 'uncertain', 'held')),
    reason            text,                 -- what it waits for
    run_at            timestamptz NOT NULL,
    useful_until      timestamptz NOT NULL,
    attempts          smallint NOT NULL CHECK (attempts >= 0),
    deaths            smallint NOT NULL CHECK (deaths >= 0),
    checks            smallint NOT NULL CHECK (checks >= 0),
    fence             bigint NOT NULL CHECK (fence >= 0),
    lease_owner       text,
    lease_until       timestamptz,
    dispatch_deadline timestamptz,          -- no first byte after this
    unknown_since     timestamptz,
    check_at          timestamptz,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT leased_while_in_hand CHECK ((state IN ('claimed', 'dispatching')) = (lease_until IS NOT NULL)),
    CONSTRAINT owned_while_leased CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
    CONSTRAINT deadline_while_dispatching CHECK ((state = 'dispatching') = (dispatch_deadline IS NOT NULL)),
    CONSTRAINT checked_while_uncertain CHECK ((state = 'uncertain') = (check_at IS NOT NULL)),
    CONSTRAINT waits_for_a_reason CHECK (state NOT IN ('scheduled', 'uncertain', 'held') OR reason IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX jobs_ready ON communication_jobs (tenant_id, lane, seq) WHERE state = 'ready';
CREATE INDEX jobs_scheduled ON communication_jobs (tenant_id, run_at) WHERE state = 'scheduled';
CREATE INDEX jobs_leased ON communication_jobs (tenant_id, lease_until) WHERE state IN ('claimed', 'dispatching');
CREATE INDEX jobs_open ON communication_jobs (tenant_id, check_at) WHERE state IN ('uncertain', 'held');
CREATE INDEX jobs_customer ON communication_jobs (tenant_id, customer_id);

CREATE TABLE communication_history (
    tenant_id     text NOT NULL,
    id            uuid NOT NULL,
    finished_at   timestamptz NOT NULL,
    job_type      text NOT NULL CHECK (job_type IN ('send_email', 'send_sms', 'notify_customer')),
    communication text NOT NULL,
    customer_id   text NOT NULL,
    equipment_ids text[] NOT NULL,
    work_order_id text,
    occasions     text[] NOT NULL,
    source        text NOT NULL,
    due_on        date NOT NULL,
    as_of         date NOT NULL,
    facts         jsonb NOT NULL,
    attachments   jsonb NOT NULL,
    fallback_of   uuid,
    outcome       text NOT NULL CHECK (outcome IN ('sent', 'skipped', 'failed', 'cancelled')),
    reason        text,
    attempts      smallint NOT NULL,
    fence         bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id, finished_at),
    CONSTRAINT a_no_has_a_name CHECK (outcome = 'sent' OR reason IS NOT NULL)
) PARTITION BY RANGE (finished_at);
CREATE TABLE communication_history_default PARTITION OF communication_history DEFAULT;
CREATE INDEX history_customer ON communication_history (tenant_id, customer_id, finished_at);
CREATE INDEX history_recent ON communication_history (tenant_id, finished_at);

-- Append-only: the audit trail of every job.
CREATE TABLE job_transitions (
    tenant_id   text NOT NULL,
    job_id      uuid NOT NULL,
    at          timestamptz NOT NULL,
    fence       bigint NOT NULL,
    from_state  text NOT NULL CHECK (from_state IN (
        'scheduled', 'ready', 'claimed', 'dispatching', 'uncertain', 'held', 'sent', 'skipped', 'failed', 'cancelled')),
    to_state    text NOT NULL CHECK (to_state IN (
        'scheduled', 'ready', 'claimed', 'dispatching', 'uncertain', 'held', 'sent', 'skipped', 'failed', 'cancelled')),
    reason      text,
    actor       text NOT NULL,
    PRIMARY KEY (tenant_id, job_id, at, fence, to_state)
) PARTITION BY RANGE (at);
CREATE TABLE job_transitions_default PARTITION OF job_transitions DEFAULT;

-- The ledger: one reason to write to one customer exists once, long after the job is gone.
CREATE TABLE occasions (
    tenant_id     text NOT NULL REFERENCES tenants (tenant_id),
    key           text NOT NULL,            -- the system overview's source_reference
    communication text NOT NULL,
    customer_id   text NOT NULL,
    due_on        date NOT NULL,
    job_id        uuid NOT NULL,
    asked_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX occasions_customer ON occasions (tenant_id, customer_id, communication);

-- Frozen payloads: what was decided to be sent, byte for byte, before the first byte left.
CREATE TABLE messages (
    tenant_id     text NOT NULL,
    id            uuid NOT NULL,            -- the job's id
    created_at    timestamptz NOT NULL,     -- the job's creation, so that one of both finds the other
    channel       text NOT NULL CHECK (channel IN ('email', 'sms')),
    recipient     text NOT NULL,
    provider      text NOT NULL,
    payload       jsonb NOT NULL,           -- the Message; erased by retention
    payload_hash  text NOT NULL,            -- sha256 of the payload
    facts         jsonb NOT NULL,           -- what the words were made from
    frozen_at     timestamptz NOT NULL,
    provider_id   text,
    sent_at       timestamptz,
    delivery      text CHECK (delivery IN ('delivered', 'undelivered', 'bounced', 'complained')),
    PRIMARY KEY (tenant_id, id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
CREATE INDEX messages_provider_id ON messages (tenant_id, provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE delivery_events (
    tenant_id   text NOT NULL,
    id          uuid NOT NULL,
    at          timestamptz NOT NULL,
    message_id  uuid,                       -- null while the message is not known yet
    provider    text NOT NULL,
    kind        text NOT NULL,
    detail      jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id, at)
) PARTITION BY RANGE (at);
CREATE TABLE delivery_events_default PARTITION OF delivery_events DEFAULT;
CREATE INDEX delivery_events_message ON delivery_events (tenant_id, message_id, at);

CREATE TABLE attachments (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    sha256       text NOT NULL,
    content      bytea NOT NULL CHECK (octet_length(content) <= 10485760),
    stored_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sha256)
);

-- Other systems write here (or use `queue push`); every row is answered, an invalid one with its error.
CREATE TABLE communication_queue (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    external_id  text NOT NULL,
    payload      jsonb NOT NULL,
    status       text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'accepted', 'invalid')),
    error        text,
    job_id       uuid,
    received_at  timestamptz,               -- null until we saw it: other systems write only tenant_id, external_id and payload
    PRIMARY KEY (tenant_id, external_id),
    CONSTRAINT accepted_has_a_job CHECK ((status = 'accepted') = (job_id IS NOT NULL)),
    CONSTRAINT invalid_has_an_error CHECK ((status = 'invalid') = (error IS NOT NULL)),
    CONSTRAINT answered_is_seen CHECK (status = 'received' OR received_at IS NOT NULL)
);
CREATE INDEX queue_received ON communication_queue (tenant_id, received_at) WHERE status = 'received';

-- The last marketing message of a customer: the frequency cap is taken here, atomically, in begin-dispatch.
CREATE TABLE marketing_contacts (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    customer_id  text NOT NULL,
    last_at      timestamptz NOT NULL,
    last_job_id  uuid NOT NULL,
    previous_at  timestamptz,               -- put back when the job that took the place did not send
    PRIMARY KEY (tenant_id, customer_id)
);

-- Append-only proof of what a customer wished.
CREATE TABLE consents (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    id           uuid NOT NULL,
    customer_id  text NOT NULL,
    channel      text NOT NULL CHECK (channel IN ('email', 'sms')),
    purpose      text NOT NULL CHECK (purpose IN ('all', 'marketing')),
    granted      boolean NOT NULL,
    at           timestamptz NOT NULL,
    source       text NOT NULL,
    words        text,
    actor        text NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX consents_customer ON consents (tenant_id, customer_id, channel, at);

-- Addresses that must not be written to; only hashes, so that erasing a person keeps the promise.
CREATE TABLE suppressions (
    tenant_id     text NOT NULL REFERENCES tenants (tenant_id),
    channel       text NOT NULL CHECK (channel IN ('email', 'sms')),
    address_hash  text NOT NULL,
    purpose       text NOT NULL CHECK (purpose IN ('all', 'marketing')),
    reason        text NOT NULL CHECK (reason IN ('bounced', 'complained', 'unsubscribed', 'stop', 'staff')),
    since         timestamptz NOT NULL,
    source        text NOT NULL,
    words         text,
    actor         text NOT NULL,
    PRIMARY KEY (tenant_id, channel, address_hash, purpose)
);

-- A slot is a civil date, ISO week, month or time bucket: its primary key is what makes a schedule run once.
CREATE TABLE schedule_runs (
    tenant_id      text NOT NULL REFERENCES tenants (tenant_id),
    task           text NOT NULL,
    slot           text NOT NULL,
    state          text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'off')),
    scanned_until  date NOT NULL,           -- the watermark: the greatest one of the finished runs
    lease_owner    text,
    lease_until    timestamptz,
    attempts       smallint NOT NULL,
    retry_at       timestamptz,
    found          integer,
    enqueued       integer,
    lapsed         integer,
    error          text,
    started_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    PRIMARY KEY (tenant_id, task, slot),
    CONSTRAINT leased_while_running CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT finished_has_an_end CHECK ((state IN ('done', 'off')) = (finished_at IS NOT NULL)),
    CONSTRAINT failed_has_an_error CHECK (state <> 'failed' OR (error IS NOT NULL AND retry_at IS NOT NULL))
);

CREATE TABLE message_templates (
    tenant_id      text NOT NULL,           -- '*' = for every tenant
    communication  text NOT NULL,
    channel        text NOT NULL CHECK (channel IN ('email', 'sms')),
    language       text NOT NULL,
    version        integer NOT NULL CHECK (version > 0),
    state          text NOT NULL CHECK (state IN ('draft', 'published', 'retired')),
    subject        text,
    preheader      text,
    body           text NOT NULL,
    author         text NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, communication, channel, language, version)
);

CREATE TABLE agent_jobs (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    id           uuid NOT NULL,
    persona      text NOT NULL,
    goal         text NOT NULL,
    mode         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('sleeping', 'running', 'awaiting_approval', 'finished', 'stopped')),
    reason       text,
    wake_at      timestamptz,
    fence        bigint NOT NULL,
    lease_owner  text,
    lease_until  timestamptz,
    tokens       bigint NOT NULL,
    cost_usd     numeric(12, 6) NOT NULL,
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT leased_while_running CHECK ((status = 'running') = (lease_until IS NOT NULL))
);
CREATE INDEX agent_jobs_wake ON agent_jobs (tenant_id, wake_at) WHERE status = 'sleeping';

CREATE TABLE agent_steps (
    tenant_id  text NOT NULL,
    job_id     uuid NOT NULL,
    seq        integer NOT NULL CHECK (seq >= 0),
    kind       text NOT NULL,
    payload    jsonb NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, job_id, seq),
    FOREIGN KEY (tenant_id, job_id) REFERENCES agent_jobs (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE agent_memory (
    tenant_id   text NOT NULL REFERENCES tenants (tenant_id),
    persona     text NOT NULL,
    key         text NOT NULL,
    value       text NOT NULL CHECK (length(value) <= 200),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, persona, key)
);

CREATE TABLE approvals (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    id           uuid NOT NULL,
    kind         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('waiting', 'approved', 'rejected')),
    payload      jsonb NOT NULL,
    asked_at     timestamptz NOT NULL,
    decided_at   timestamptz,
    actor        text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT decided_by_somebody CHECK ((status = 'waiting') = (decided_at IS NULL) AND (decided_at IS NULL) = (actor IS NULL))
);

CREATE TABLE inbound_messages (
    tenant_id    text NOT NULL REFERENCES tenants (tenant_id),
    id           uuid NOT NULL,
    provider     text NOT NULL,
    provider_id  text NOT NULL,
    channel      text NOT NULL CHECK (channel IN ('email', 'sms')),
    sender       text NOT NULL,
    received_at  timestamptz NOT NULL,
    raw          bytea,
    parsed       jsonb,
    status       text NOT NULL CHECK (status IN ('received', 'answered', 'ignored', 'for_a_person')),
    reason       text,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, provider, provider_id)
);

-- Append-only: who changed what.
CREATE TABLE audit_log (
    tenant_id  text NOT NULL,
    id         uuid NOT NULL,
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    action     text NOT NULL,
    object     text NOT NULL,
    detail     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_object ON audit_log (tenant_id, object, at);

-- One row per worker process: who is alive, for the console and readiness.
CREATE TABLE workers (
    tenant_id   text NOT NULL,              -- '*': a worker serves all tenants
    worker      text NOT NULL,
    started_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    detail      jsonb NOT NULL,
    PRIMARY KEY (tenant_id, worker)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'controls', 'users', 'sessions', 'api_keys', 'communication_jobs', 'communication_history',
        'communication_history_default', 'job_transitions', 'job_transitions_default', 'occasions', 'messages', 'messages_default',
        'delivery_events', 'delivery_events_default', 'attachments', 'communication_queue', 'marketing_contacts', 'consents',
        'suppressions', 'schedule_runs', 'message_templates', 'agent_jobs', 'agent_steps', 'agent_memory', 'approvals',
        'inbound_messages', 'audit_log', 'workers']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY engine ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY tenant ON %I TO PUBLIC
            USING (tenant_id = current_setting(''app.tenant'', true))
            WITH CHECK (tenant_id = current_setting(''app.tenant'', true))', name);
    END LOOP;
END $$;

-- What is there for everybody may be read, not written, by everybody.
CREATE POLICY everybody ON message_templates FOR SELECT TO PUBLIC USING (tenant_id = '*');
CREATE POLICY everybody ON controls FOR SELECT TO PUBLIC USING (tenant_id = '*');
