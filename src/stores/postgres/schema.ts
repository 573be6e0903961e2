/**
 * The tables and functions of one primary. Every primary has all of them; the directory, the map of the shards, duties and
 * buckets are used on the home primary alone. Step n leads from schema version n to n + 1. Steps are only ever added.
 */

/** Everything lives in a schema of its own, so that a database may be shared. */
export const SCHEMA = 'plexibridge';
/** What NOTIFY tells: that the outbox of this primary has grown. */
export const CHANNEL = 'plexibridge';
/** Held by whoever appends to the outbox until it is committed, so that sequence numbers become visible in order. */
export const OUTBOX_LOCK = 0x7078_7031;
/** Held by whoever brings a primary to today's schema. */
export const MIGRATION_LOCK = 0x7078_7032;

/** Logical shards, for ever: a person's is computed from her id. */
export const SHARDS = 256;

/** SQLSTATEs of the functions. */
export const ELSEWHERE = 'PB001';
export const OVERTAKEN = 'PB002';

const DIRECTORY = `
  CREATE TABLE people (
    id text COLLATE "C" PRIMARY KEY, display_name text, avatar_url text,
    visibility text NOT NULL, created_at bigint NOT NULL
  );

  CREATE TABLE addresses (
    network text COLLATE "C", id text COLLATE "C", person text COLLATE "C" NOT NULL, kind text NOT NULL,
    ord bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (network, id)
  );
  CREATE INDEX addresses_of ON addresses (person);
  CREATE UNIQUE INDEX one_address_of_a_kind ON addresses (person, network, kind) WHERE kind <> 'alias';

  CREATE TABLE tokens (
    hash text COLLATE "C" PRIMARY KEY, person text COLLATE "C" NOT NULL, network text NOT NULL,
    device_id text NOT NULL, created_at bigint NOT NULL, ord bigint GENERATED ALWAYS AS IDENTITY
  );
  CREATE INDEX tokens_of ON tokens (person);

  CREATE TABLE held_tokens (
    network text COLLATE "C", id text COLLATE "C", sealed text NOT NULL, given_at bigint NOT NULL,
    ord bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (network, id)
  );

  CREATE TABLE contacts (
    owner text COLLATE "C", target text COLLATE "C", ord bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (owner, target)
  );
  CREATE INDEX listers_of ON contacts (target);

  CREATE TABLE blocks (
    blocker text COLLATE "C", blocked text COLLATE "C", ord bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (blocker, blocked)
  );
  CREATE INDEX blockers_of ON blocks (blocked);

  CREATE TABLE invites (
    owner text COLLATE "C", network text COLLATE "C", id text COLLATE "C", ord bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (owner, network, id)
  );
  CREATE INDEX inviters_of ON invites (network, id);

  CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value text NOT NULL);

  -- Added to and read, never changed. Identities are given under the lock of the outbox, so that they come in order.
  CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, at bigint NOT NULL,
    actor text NOT NULL, action text NOT NULL, subjects text NOT NULL, details text NOT NULL
  );
  CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
  END $$;
  CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

  -- The sequence number of the last change of the directory.
  CREATE TABLE directory_position (seq bigint NOT NULL);
  INSERT INTO directory_position VALUES (0);
`;

/**
 * `settled_slot` is coarse (2^22 ms, some 70 minutes), so that an everyday write changes no indexed column and needs no new
 * entry in any index.
 */
const PRESENCE = `
  CREATE TABLE presence (
    person text COLLATE "C" PRIMARY KEY, shard smallint NOT NULL, version bigint NOT NULL,
    record text NOT NULL, settled_slot bigint
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
  CREATE INDEX presence_of_shard ON presence (shard, person);
  CREATE INDEX presence_unsettled ON presence (settled_slot) WHERE settled_slot IS NOT NULL;

  -- Which shards are here; a closed one is read but no longer written, because it is moving.
  CREATE TABLE shards_here (shard smallint PRIMARY KEY, open boolean NOT NULL);
`;

/**
 * One row a commit, in the order of commits. Three tables that take turns by the clock (\`lane\`): the oldest is emptied by
 * TRUNCATE, so that retention leaves nothing for vacuum.
 */
const OUTBOX = `
  CREATE SEQUENCE outbox_seq;
  CREATE TABLE outbox (
    lane smallint NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL, node text NOT NULL,
    people text[] NOT NULL, records text[] NOT NULL, rows jsonb
  ) PARTITION BY LIST (lane);
  CREATE TABLE outbox_0 PARTITION OF outbox (PRIMARY KEY (seq)) FOR VALUES IN (0);
  CREATE TABLE outbox_1 PARTITION OF outbox (PRIMARY KEY (seq)) FOR VALUES IN (1);
  CREATE TABLE outbox_2 PARTITION OF outbox (PRIMARY KEY (seq)) FOR VALUES IN (2);

  -- Seconds that one lane takes appends before the next does.
  CREATE FUNCTION outbox_lane(at timestamptz, turn int) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT ((extract(epoch FROM at)::bigint / 600 + turn) % 3)::smallint
  $$;

  CREATE FUNCTION append_outbox(p_node text, p_people text[], p_records text[], p_rows jsonb) RETURNS bigint
  LANGUAGE plpgsql AS $$
  DECLARE
    seq bigint := nextval('outbox_seq');
    at timestamptz := clock_timestamp();
  BEGIN
    INSERT INTO outbox VALUES (outbox_lane(at, 0), seq, at, p_node, p_people, p_records, p_rows);
    RETURN seq;
  END $$;
`;

/** Of the cluster as a whole; on the home primary. */
const CLUSTER = `
  -- This primary, whatever the settings call it.
  CREATE TABLE identity (id uuid NOT NULL DEFAULT gen_random_uuid(), home boolean NOT NULL DEFAULT false);
  INSERT INTO identity DEFAULT VALUES;

  -- Where each shard is.
  CREATE TABLE shards (shard smallint PRIMARY KEY, primary_id uuid NOT NULL);

  -- What became of commits that span primaries; 'commit' or 'abort'.
  CREATE TABLE decisions (gid text PRIMARY KEY, outcome text NOT NULL, at timestamptz NOT NULL DEFAULT now());

  -- Work that one node at a time does.
  CREATE TABLE duties (name text PRIMARY KEY, node text NOT NULL, until timestamptz NOT NULL);

  -- Rate limits that hold over all nodes; worth nothing after a crash.
  CREATE UNLOGGED TABLE buckets (
    kind text COLLATE "C", key text COLLATE "C", tokens double precision NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (kind, key)
  ) WITH (fillfactor = 70);
`;

/** Every write is one call of one of these, so that no node can stop halfway and hold up the others. */
const FUNCTIONS = `
  CREATE FUNCTION demand_shards(p_shards smallint[], p_open boolean) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    IF EXISTS (
      SELECT 1 FROM unnest(p_shards) AS wanted (shard)
      WHERE NOT EXISTS (SELECT 1 FROM shards_here h WHERE h.shard = wanted.shard AND (h.open OR NOT p_open))
    ) THEN
      RAISE EXCEPTION 'a shard is elsewhere' USING ERRCODE = '${ELSEWHERE}';
    END IF;
  END $$;

  -- The records of these people, of whom those that have none are missing.
  CREATE FUNCTION read_records(p_people text[], p_shards smallint[]) RETURNS TABLE (person text, record text)
  LANGUAGE plpgsql STABLE AS $$
  BEGIN
    PERFORM demand_shards(p_shards, false);
    RETURN QUERY SELECT p.person, p.record FROM presence p WHERE p.person = ANY (p_people);
  END $$;

  -- Compare-and-set of one record each of different people. Answers the places (from 1) of those that were of the
  -- expected version (0: none yet).
  CREATE FUNCTION put_records(
    p_node text, p_people text[], p_shards smallint[], p_expected bigint[], p_versions bigint[], p_records text[],
    p_slots bigint[]
  ) RETURNS int[] LANGUAGE plpgsql AS $$
  DECLARE
    accepted int[];
    seq bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock(${OUTBOX_LOCK});
    PERFORM demand_shards(p_shards, true);
    WITH input AS (
      SELECT * FROM unnest(p_people, p_shards, p_expected, p_versions, p_records, p_slots)
        WITH ORDINALITY AS i (person, shard, expected, version, record, slot, place)
    ), inserted AS (
      INSERT INTO presence AS p (person, shard, version, record, settled_slot)
      SELECT i.person, i.shard, i.version, i.record, i.slot FROM input i WHERE i.expected = 0
      ON CONFLICT DO NOTHING RETURNING p.person
    ), updated AS (
      UPDATE presence p SET version = i.version, record = i.record, settled_slot = i.slot
      FROM input i WHERE i.expected > 0 AND p.person = i.person AND p.version = i.expected
      RETURNING p.person
    ), done AS (SELECT person FROM inserted UNION ALL SELECT person FROM updated)
    SELECT coalesce(array_agg(i.place::int ORDER BY i.place), '{}') INTO accepted
    FROM input i JOIN done USING (person);

    IF cardinality(accepted) > 0 THEN
      SELECT append_outbox(p_node, array_agg(p_people[place]), array_agg(p_records[place]), NULL) INTO seq
      FROM unnest(accepted) AS a (place);
      PERFORM pg_notify('${CHANNEL}', seq::text);
    END IF;
    RETURN accepted;
  END $$;

  -- All of a commit of the directory that belongs to this primary: rows as JSON objects (columns by name, with
  -- "table", and "gone" where the row is removed), and records, null where one is forgotten. With p_gid it is part of
  -- a commit that spans primaries: the home primary decides it, the others keep still about it until then.
  CREATE FUNCTION commit_directory(
    p_node text, p_base bigint, p_rows jsonb, p_gid text, p_decides boolean,
    p_people text[], p_shards smallint[], p_expected bigint[], p_versions bigint[], p_records text[], p_slots bigint[]
  ) RETURNS bigint LANGUAGE plpgsql AS $$
  DECLARE
    r jsonb;
    appended bigint;
  BEGIN
    PERFORM pg_advisory_xact_lock(${OUTBOX_LOCK});
    PERFORM demand_shards(p_shards, true);
    IF p_base IS NOT NULL AND p_base <> (SELECT d.seq FROM directory_position d) THEN
      RAISE EXCEPTION 'the directory has changed' USING ERRCODE = '${OVERTAKEN}';
    END IF;
    IF EXISTS (
      SELECT 1 FROM unnest(p_people, p_expected) AS i (person, expected) LEFT JOIN presence p USING (person)
      WHERE coalesce(p.version, 0) <> i.expected
    ) THEN
      RAISE EXCEPTION 'a record is of another version' USING ERRCODE = '${OVERTAKEN}';
    END IF;
    DELETE FROM presence p USING unnest(p_people, p_records) AS i (person, record)
      WHERE p.person = i.person AND i.record IS NULL;
    INSERT INTO presence AS p (person, shard, version, record, settled_slot)
      SELECT i.person, i.shard, i.version, i.record, i.slot
      FROM unnest(p_people, p_shards, p_versions, p_records, p_slots) AS i (person, shard, version, record, slot)
      WHERE i.record IS NOT NULL
      ON CONFLICT (person) DO UPDATE SET version = excluded.version, record = excluded.record,
        settled_slot = excluded.settled_slot;
    FOR r IN SELECT value FROM jsonb_array_elements(p_rows) LOOP
      PERFORM put_row(r);
    END LOOP;
    appended := append_outbox(p_node, p_people, p_records, NULLIF(p_rows, '[]'));
    IF p_rows <> '[]' THEN
      UPDATE directory_position SET seq = appended;
    END IF;
    IF p_decides THEN
      INSERT INTO decisions (gid, outcome) VALUES (p_gid, 'commit');
    END IF;
    IF p_gid IS NULL OR p_decides THEN
      PERFORM pg_notify('${CHANNEL}', appended::text);
    END IF;
    RETURN appended;
  END $$;

  CREATE FUNCTION put_row(r jsonb) RETURNS void LANGUAGE plpgsql AS $$
  DECLARE
    gone boolean := coalesce((r->>'gone')::boolean, false);
  BEGIN
    CASE r->>'table'
      WHEN 'people' THEN
        IF gone THEN DELETE FROM people WHERE id = r->>'id';
        ELSE
          INSERT INTO people
          VALUES (r->>'id', r->>'display_name', r->>'avatar_url', r->>'visibility', (r->>'created_at')::bigint)
          ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name, avatar_url = excluded.avatar_url,
            visibility = excluded.visibility, created_at = excluded.created_at;
        END IF;
      WHEN 'addresses' THEN
        IF gone THEN DELETE FROM addresses WHERE network = r->>'network' AND id = r->>'id';
        ELSE
          INSERT INTO addresses (network, id, person, kind)
          VALUES (r->>'network', r->>'id', r->>'person', r->>'kind')
          ON CONFLICT (network, id) DO UPDATE SET person = excluded.person, kind = excluded.kind;
        END IF;
      WHEN 'tokens' THEN
        IF gone THEN DELETE FROM tokens WHERE hash = r->>'hash';
        ELSE
          INSERT INTO tokens (hash, person, network, device_id, created_at)
          VALUES (r->>'hash', r->>'person', r->>'network', r->>'device_id', (r->>'created_at')::bigint)
          ON CONFLICT (hash) DO UPDATE SET person = excluded.person, network = excluded.network,
            device_id = excluded.device_id, created_at = excluded.created_at;
        END IF;
      WHEN 'held_tokens' THEN
        IF gone THEN DELETE FROM held_tokens WHERE network = r->>'network' AND id = r->>'id';
        ELSE
          INSERT INTO held_tokens (network, id, sealed, given_at)
          VALUES (r->>'network', r->>'id', r->>'sealed', (r->>'given_at')::bigint)
          ON CONFLICT (network, id) DO UPDATE SET sealed = excluded.sealed, given_at = excluded.given_at;
        END IF;
      WHEN 'contacts' THEN
        IF gone THEN DELETE FROM contacts WHERE owner = r->>'owner' AND target = r->>'target';
        ELSE INSERT INTO contacts (owner, target) VALUES (r->>'owner', r->>'target') ON CONFLICT DO NOTHING;
        END IF;
      WHEN 'blocks' THEN
        IF gone THEN DELETE FROM blocks WHERE blocker = r->>'blocker' AND blocked = r->>'blocked';
        ELSE INSERT INTO blocks (blocker, blocked) VALUES (r->>'blocker', r->>'blocked') ON CONFLICT DO NOTHING;
        END IF;
      WHEN 'invites' THEN
        IF gone THEN DELETE FROM invites WHERE owner = r->>'owner' AND network = r->>'network' AND id = r->>'id';
        ELSE
          INSERT INTO invites (owner, network, id) VALUES (r->>'owner', r->>'network', r->>'id')
          ON CONFLICT DO NOTHING;
        END IF;
      WHEN 'meta' THEN
        INSERT INTO meta VALUES (r->>'key', r->>'value') ON CONFLICT (key) DO UPDATE SET value = excluded.value;
      WHEN 'audit' THEN
        INSERT INTO audit (id, at, actor, action, subjects, details)
        VALUES (r->>'id', (r->>'at')::bigint, r->>'actor', r->>'action', r->>'subjects', r->>'details')
        ON CONFLICT (id) DO NOTHING;
    END CASE;
  END $$;
`;

export const MIGRATIONS: readonly string[] = [DIRECTORY + PRESENCE + OUTBOX + CLUSTER + FUNCTIONS];
