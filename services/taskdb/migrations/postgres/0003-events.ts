import { type Kysely, sql } from "kysely";

/**
 * The append-only event log: one row for each change, with the whole row as it was after it. Partitioned by month; whole
 * months move to the archive. Batches are sealed in the background, each seal over the one before, so that a change of an
 * old event is found out; a chain through every write would make the writers wait for each other.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`CREATE SEQUENCE events_seq`.execute(db);
  const columns = sql`
      seq bigint NOT NULL DEFAULT nextval('events_seq'),
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      kind varchar(40) NOT NULL,
      entity_id uuid NOT NULL,
      task_id uuid,
      payload json NOT NULL,
      request_id varchar(100),
      PRIMARY KEY (seq, at)`;
  for (const table of ["events", "events_archive"]) {
    await sql`CREATE TABLE ${sql.id(table)} (${columns}) PARTITION BY RANGE (at)`.execute(db);
    await sql`CREATE INDEX ${sql.id(`${table}_of_entity`)} ON ${sql.id(table)} (entity_id, seq)`.execute(db);
    await sql`CREATE INDEX ${sql.id(`${table}_of_task`)} ON ${sql.id(table)} (task_id, seq)`.execute(db);
  }
  // A clock that is far off must not stop the writers.
  await sql`CREATE TABLE events_other PARTITION OF events DEFAULT`.execute(db);
  await sql`CREATE VIEW events_all AS SELECT * FROM events UNION ALL SELECT * FROM events_archive`.execute(db);
  await sql`ALTER SEQUENCE events_seq OWNED BY events.seq`.execute(db);

  await sql`
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'the event log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
    END $$`.execute(db);
  for (const table of ["events", "events_archive"]) {
    await sql`
      CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ${sql.id(table)}
      FOR EACH ROW EXECUTE FUNCTION refuse_change()`.execute(db);
  }

  await sql`
    CREATE TABLE event_seals (
      batch bigint PRIMARY KEY,
      first_seq bigint NOT NULL,
      last_seq bigint NOT NULL,
      events bigint NOT NULL,
      -- SHA-256 over the seal before and the digests of the batch's events.
      digest char(64) NOT NULL,
      -- The first 8 digits of each event's digest, one after the other: they say which event no longer fits.
      leaves text NOT NULL,
      sealed_at timestamptz NOT NULL DEFAULT now()
    )`.execute(db);
  await sql`
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON event_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_change()`.execute(db);

  await sql`
    CREATE TABLE idempotency_keys (
      key varchar(255) PRIMARY KEY,
      request_hash char(64) NOT NULL,
      event_seq bigint NOT NULL,
      event_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`.execute(db);
  await sql`CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)`.execute(db);

  // Default privileges give the service's roles every right on a new table; of the log only reading and appending stay.
  await sql`
    CREATE FUNCTION append_only_for_all(log regclass) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      grantee regrole;
    BEGIN
      FOR grantee IN
        SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = log AND a.grantee <> c.relowner AND a.grantee <> 0
      LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES ON %s FROM %s', log, grantee);
      END LOOP;
    END $$`.execute(db);
  // What the service may not do with its own rights: make partitions, and move a whole month to the archive.
  await sql`
    CREATE FUNCTION ensure_event_partition(month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
      name text := to_char(month, '"events_"YYYY_MM');
      starts timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
      ends timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('taskdb event partitions'));
      IF to_regclass(name) IS NOT NULL THEN RETURN false; END IF;
      -- A month that began without its partition stays where its events are.
      IF EXISTS (SELECT FROM events_other WHERE at >= starts AND at < ends) THEN RETURN false; END IF;
      -- Attached, not made in place: writers to other partitions go on.
      EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS)', name);
      PERFORM append_only_for_all(name::regclass);
      EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, starts, ends);
      RETURN true;
    END $$`.execute(db);
  await sql`
    CREATE FUNCTION ensure_event_partitions(months_ahead integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      SELECT count(*) FILTER (WHERE ensure_event_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date))::integer
      FROM generate_series(0, months_ahead) ahead
    $$`.execute(db);
  // Whole months that ended before the time and are sealed to their last event.
  await sql`
    CREATE FUNCTION archive_events(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
      part record;
      counted bigint;
      newest bigint;
      sealed bigint := COALESCE((SELECT max(last_seq) FROM event_seals), 0);
      moved bigint := 0;
    BEGIN
      PERFORM pg_advisory_xact_lock(hashtext('taskdb event partitions'));
      FOR part IN
        SELECT c.oid::regclass AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'events'::regclass AND CASE WHEN c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
          THEN (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= before END
        ORDER BY c.relname
      LOOP
        EXECUTE format('SELECT count(*), max(seq) FROM %s', part.name) INTO counted, newest;
        CONTINUE WHEN newest > sealed;
        EXECUTE format('ALTER TABLE events DETACH PARTITION %s', part.name);
        EXECUTE format('ALTER TABLE events_archive ATTACH PARTITION %s %s', part.name, part.bound);
        moved := moved + counted;
      END LOOP;
      RETURN moved;
    END $$`.execute(db);
  for (const log of ["events", "events_other", "events_archive", "event_seals"]) {
    await sql`SELECT append_only_for_all(${sql.lit(log)}::regclass)`.execute(db);
  }
  await sql`SELECT ensure_event_partitions(2)`.execute(db);
  // Upkeep is for those that write the log, setting its counter for nobody, and the record of migrations for the owner.
  await sql`REVOKE ALL ON FUNCTION ensure_event_partition(date), archive_events(timestamptz) FROM PUBLIC`.execute(db);
  await sql`
    DO $$
    DECLARE
      grantee regrole;
    BEGIN
      FOR grantee IN
        SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'events'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner AND a.grantee <> 0
      LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION ensure_event_partition(date), archive_events(timestamptz) TO %s', grantee);
        EXECUTE format('REVOKE UPDATE ON SEQUENCE events_seq FROM %s', grantee);
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON kysely_migration, kysely_migration_lock FROM %s', grantee);
      END LOOP;
    END $$`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP VIEW events_all`.execute(db);
  await sql`DROP TABLE idempotency_keys, event_seals, events_archive, events`.execute(db);
  await sql`DROP FUNCTION archive_events(timestamptz), ensure_event_partitions(integer), ensure_event_partition(date), append_only_for_all(regclass), refuse_change()`.execute(
    db,
  );
}
