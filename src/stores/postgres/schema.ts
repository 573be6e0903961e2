/**
 * The tables and functions of one primary. Every primary has all of them; the directory, the map of the shards, duties and
 * buckets are used on the home primary alone. Step n leads from schema version n to n + 1. Steps are only ever added.
 */

/** Everything lives in a schema of its own, so that a database may be shared. */
export const SCHEMA = 'plexibridge';
/** What NOTIFY tells: that the outbox of this primary has grown. */
export const CHANNEL = 'plexibridge';
/**
 * Held by whoever changes records or the directory until that is committed: versions are compared under it, and the
 * outbox's sequence numbers become visible in order.
 */
export const OUTBOX_LOCK = 0x7078_7031;
/** Held by whoever brings a primary to today's schema. */
export const MIGRATION_LOCK = 0x7078_7032;

/** Held by every node while it serves, shared; alone by whoever needs the store for itself. */
export const SERVING_LOCK = 0x7078_7033;
/** Held by whoever moves shards. */
export const MOVING_LOCK = 0x7078_7034;

/** Logical shards, for ever: a person's is computed from her id. */
export const SHARDS = 256;

/** SQLSTATEs of the functions. */
export const ELSEWHERE = 'PB001';
export const OVERTAKEN = 'PB002';

/** The index that lets a person have one address of a kind on a network. */
export const ONE_OF_A_KIND = 'one_address_of_a_kind';

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
  CREATE UNIQUE INDEX ${ONE_OF_A_KIND} ON addresses (person, network, kind) WHERE kind <> 'alias';

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
    ord bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text COLLATE "C" NOT NULL UNIQUE, at bigint NOT NULL,
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
  -- By person, so that whoever pages through it misses nobody whose slot changes meanwhile.
  CREATE INDEX presence_unsettled ON presence (person, settled_slot) WHERE settled_slot IS NOT NULL;

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
  -- Compressing what is soon thrown away would cost more than it saves.
  ALTER TABLE outbox ALTER people SET STORAGE EXTERNAL, ALTER records SET STORAGE EXTERNAL;
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
  -- This primary, whatever the settings call it, and the home primary of the bridge that it belongs to.
  CREATE TABLE identity (id uuid NOT NULL DEFAULT gen_random_uuid(), home uuid);
  INSERT INTO identity DEFAULT VALUES;

  -- Where each shard is.
  CREATE TABLE shards (shard smallint PRIMARY KEY, primary_id uuid NOT NULL);

  -- What became of commits that span primaries; 'commit' or 'abort'.
  CREATE TABLE decisions (gid text PRIMARY KEY, outcome text NOT NULL, at timestamptz NOT NULL DEFAULT now());

  -- Work that one node at a time does.
  CREATE TABLE duties (name text PRIMARY KEY, node text NOT NULL, until timestamptz NOT NULL);

  -- Rate limits that hold over all nodes; worth nothing after a crash. granted: how many the last take was given.
  CREATE UNLOGGED TABLE buckets (
    kind text COLLATE "C", key text COLLATE "C", tokens double precision NOT NULL, at timestamptz NOT NULL,
    granted int NOT NULL,
    PRIMARY KEY (kind, key)
  ) WITH (fillfactor = 70);
`;

/** Plans are kept, also those made while a table was small: nothing here is ever better read as a whole. */
const BY_INDEX = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off';

/** Every write is one call of one of these, so that no node can stop halfway and hold up the others. */
const FUNCTIONS = `
  CREATE FUNCTION demand_shards(p_shards smallint[]) RETURNS void LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF EXISTS (
      SELECT 1 FROM unnest(p_shards) AS wanted (shard)
      WHERE NOT EXISTS (SELECT 1 FROM shards_here h WHERE h.shard = wanted.shard AND h.open)
    ) THEN
      RAISE EXCEPTION 'a shard is elsewhere' USING ERRCODE = '${ELSEWHERE}';
    END IF;
  END $$;

  -- The records of these people by their places (from 1): none of those who have none, null where the shard is elsewhere.
  -- At place 0 is the newest sequence number of the outbox that they are as new as.
  CREATE FUNCTION read_records(p_people text[], p_shards smallint[]) RETURNS TABLE (place int, body text)
  LANGUAGE plpgsql STABLE ${BY_INDEX} AS $$
  BEGIN
    RETURN QUERY SELECT 0, (SELECT max(o.seq)::text FROM outbox o)
    UNION ALL
    SELECT i.place::int, CASE WHEN h.shard IS NOT NULL THEN p.record END
    FROM unnest(p_people, p_shards) WITH ORDINALITY AS i (person, shard, place)
    LEFT JOIN shards_here h USING (shard)
    LEFT JOIN presence p USING (person)
    WHERE h.shard IS NULL OR p.record IS NOT NULL;
  END $$;

  -- Compare-and-set of one record each of different people. Answers by place (from 1) which are done and whose shard is
  -- elsewhere; the others are not of the expected version (0: none yet). Nothing done leaves no row in the outbox.
  CREATE FUNCTION put_records(
    p_node text, p_people text[], p_shards smallint[], p_expected bigint[], p_versions bigint[], p_records text[],
    p_slots bigint[], OUT done int[], OUT elsewhere int[], OUT seq bigint
  ) LANGUAGE plpgsql ${BY_INDEX} AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock(${OUTBOX_LOCK});
    WITH updated AS (
      UPDATE presence p SET version = i.version, record = i.record, settled_slot = i.slot
      FROM unnest(p_people, p_shards, p_expected, p_versions, p_records, p_slots)
        WITH ORDINALITY AS i (person, shard, expected, version, record, slot, place)
      JOIN shards_here h ON h.shard = i.shard AND h.open
      WHERE p.person = i.person AND p.version = i.expected
      RETURNING i.place
    ) SELECT coalesce(array_agg(place::int), '{}') INTO done FROM updated;
    IF 0 = ANY (p_expected) THEN
      done := done || insert_records(p_people, p_shards, p_expected, p_versions, p_records, p_slots);
    END IF;

    IF cardinality(done) = cardinality(p_people) THEN
      elsewhere := '{}';
      seq := append_outbox(p_node, p_people, p_records, NULL);
    ELSE
      SELECT coalesce(array_agg(i.place), '{}') INTO elsewhere
      FROM unnest(p_shards) WITH ORDINALITY AS i (shard, place)
      WHERE NOT EXISTS (SELECT FROM shards_here h WHERE h.shard = i.shard AND h.open);
      seq := append_some(p_node, p_people, p_records, done);
    END IF;
    IF seq IS NOT NULL THEN
      PERFORM pg_notify('${CHANNEL}', seq::text);
    END IF;
  END $$;

  -- The first records of people who have none; answers the places of those that were so.
  CREATE FUNCTION insert_records(
    p_people text[], p_shards smallint[], p_expected bigint[], p_versions bigint[], p_records text[], p_slots bigint[]
  ) RETURNS int[] LANGUAGE plpgsql ${BY_INDEX} AS $$
  DECLARE
    fresh boolean[];
  BEGIN
    SELECT array_agg(i.expected = 0 AND h.shard IS NOT NULL AND p.person IS NULL ORDER BY i.place) INTO fresh
    FROM unnest(p_people, p_shards, p_expected) WITH ORDINALITY AS i (person, shard, expected, place)
    LEFT JOIN shards_here h ON h.shard = i.shard AND h.open
    LEFT JOIN presence p ON p.person = i.person;
    INSERT INTO presence (person, shard, version, record, settled_slot)
    SELECT i.person, i.shard, i.version, i.record, i.slot
    FROM unnest(p_people, p_shards, p_versions, p_records, p_slots, fresh)
      AS i (person, shard, version, record, slot, fresh)
    WHERE i.fresh;
    RETURN (
      SELECT coalesce(array_agg(i.place::int), '{}') FROM unnest(fresh) WITH ORDINALITY AS i (fresh, place) WHERE i.fresh
    );
  END $$;

  -- A row of the outbox of these places alone; none of no place.
  CREATE FUNCTION append_some(p_node text, p_people text[], p_records text[], p_places int[]) RETURNS bigint
  LANGUAGE sql SET enable_hashjoin = on AS $$
    SELECT append_outbox(p_node, array_agg(i.person), array_agg(i.record), NULL)
    FROM unnest(p_people, p_records) WITH ORDINALITY AS i (person, record, place)
    JOIN unnest(p_places) AS chosen (place) USING (place) HAVING count(*) > 0
  $$;

  -- All of a commit of the directory that belongs to this primary: rows as JSON objects (columns by name, with
  -- "table", and "gone" where the row is removed), and records, null where one is forgotten. With p_gid it is part of
  -- a commit that spans primaries: the home primary decides it, the others keep still about it until then.
  -- Answers where it is in the outbox, and the rows as they are there: with who "was" the owner of an address or a token.
  CREATE FUNCTION commit_directory(
    p_node text, p_base bigint, p_rows jsonb, p_gid text, p_decides boolean,
    p_people text[], p_shards smallint[], p_expected bigint[], p_versions bigint[], p_records text[], p_slots bigint[],
    OUT seq bigint, OUT rows jsonb
  ) LANGUAGE plpgsql ${BY_INDEX} AS $$
  DECLARE
    r jsonb;
    owner text;
  BEGIN
    rows := '[]';
    PERFORM pg_advisory_xact_lock(${OUTBOX_LOCK});
    PERFORM demand_shards(p_shards);
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
      owner := owner_of(r);
      PERFORM put_row(r);
      IF owner IS NOT NULL THEN
        r := r || jsonb_build_object('was', owner);
      END IF;
      rows := rows || r;
    END LOOP;
    seq := append_outbox(p_node, p_people, p_records, NULLIF(rows, '[]'));
    IF rows <> '[]' THEN
      UPDATE directory_position d SET seq = commit_directory.seq;
    END IF;
    IF p_decides THEN
      INSERT INTO decisions (gid, outcome) VALUES (p_gid, 'commit');
    END IF;
    IF p_gid IS NULL OR p_decides THEN
      PERFORM pg_notify('${CHANNEL}', seq::text);
    END IF;
  END $$;

  -- Ends a commit that spans primaries, whose node may have died, unless it was decided before. Answers what it is now.
  CREATE FUNCTION abandon(p_gid text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO decisions (gid, outcome) VALUES (p_gid, 'abort') ON CONFLICT DO NOTHING;
    RETURN (SELECT d.outcome FROM decisions d WHERE d.gid = p_gid);
  END $$;

  -- Who has the address or token that a row gives to another or takes away.
  CREATE FUNCTION owner_of(r jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT a.person FROM addresses a
    WHERE r->>'table' = 'addresses' AND a.network = r->>'network' AND a.id = r->>'id'
      AND a.person IS DISTINCT FROM r->>'person'
    UNION ALL
    SELECT t.person FROM tokens t
    WHERE r->>'table' = 'tokens' AND t.hash = r->>'hash' AND t.person IS DISTINCT FROM r->>'person'
  $$;

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

/** For the feed, which tells every node what the others commit. */
const FEED = `
  -- A row that tells nothing: a place to follow from, and a measure of how long the feed takes.
  CREATE FUNCTION mark_outbox(p_node text, OUT seq bigint, OUT at timestamptz) LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_advisory_xact_lock(${OUTBOX_LOCK});
    seq := append_outbox(p_node, '{}', '{}', NULL);
    at := (SELECT o.at FROM outbox o WHERE o.seq = mark_outbox.seq);
    PERFORM pg_notify('${CHANNEL}', seq::text);
  END $$;

  -- Empties the lane that takes the next appends, ahead of its time, unless something in it is younger than a turn: then
  -- the clock was put back. Answers whether it did.
  CREATE FUNCTION retain_outbox(p_now timestamptz) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
  DECLARE
    lane text := 'outbox_' || outbox_lane(p_now, 1);
    newest timestamptz;
  BEGIN
    EXECUTE format('SELECT at FROM %I ORDER BY seq DESC LIMIT 1', lane) INTO newest;
    IF newest IS NULL OR newest > p_now - interval '590 s' THEN
      RETURN false;
    END IF;
    EXECUTE format('TRUNCATE %I', lane);
    RETURN true;
  END $$;
`;

/** Rate limits that hold over all nodes. */
const BUCKETS = `
  CREATE FUNCTION refilled(p_tokens float8, p_elapsed interval, p_burst float8, p_per_second float8) RETURNS float8
  LANGUAGE sql IMMUTABLE AS $$
    SELECT least(p_burst, p_tokens + greatest(0, extract(epoch FROM p_elapsed)::float8) * p_per_second)
  $$;

  -- Takes as many as there are from each bucket, up to as many as are wanted. Answers what is left, and how many it was.
  CREATE FUNCTION take_from_buckets(p_kind text, p_keys text[], p_wanted int[], p_burst float8, p_per_second float8)
  RETURNS TABLE (key text, tokens float8, granted int) LANGUAGE sql AS $$
    INSERT INTO buckets AS b (kind, key, tokens, at, granted)
    SELECT p_kind, t.key, p_burst - least(t.wanted, floor(p_burst)), clock_timestamp(), least(t.wanted, floor(p_burst))
    FROM unnest(p_keys, p_wanted) AS t (key, wanted)
    ON CONFLICT (kind, key) DO UPDATE SET
      tokens = refilled(b.tokens, excluded.at - b.at, p_burst, p_per_second)
        - least(excluded.granted, floor(refilled(b.tokens, excluded.at - b.at, p_burst, p_per_second))),
      granted = least(excluded.granted, floor(refilled(b.tokens, excluded.at - b.at, p_burst, p_per_second))),
      at = greatest(b.at, excluded.at) -- whoever waited for another node comes with an earlier time
    RETURNING b.key, b.tokens, b.granted
  $$;
`;

export const MIGRATIONS: readonly string[] = [
  DIRECTORY + PRESENCE + OUTBOX + CLUSTER + FUNCTIONS + FEED + BUCKETS,
];
