import type { DirectoryChange } from '../../presence/directory.ts';
import type { Database } from './database.ts';
import { prepare } from './database.ts';
import { toColumn } from '../text-column.ts';

/** A change of the directory's own tables; records go through the log. */
export type RowChange = Exclude<DirectoryChange, { row: 'presence' }>;

/** Puts and removes rows. Every put is an upsert, so that a row keeps its place in the order of insertion. */
export function directoryWriter(db: Database): (change: RowChange) => void {
  const putPerson = prepare(
    db,
    `INSERT INTO people VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
     (display_name, avatar_url, visibility, created_at) =
     (excluded.display_name, excluded.avatar_url, excluded.visibility, excluded.created_at)`,
  );
  const dropPerson = prepare(db, 'DELETE FROM people WHERE id = ?');
  const putAddress = prepare(
    db,
    `INSERT INTO addresses VALUES (?, ?, ?, ?)
     ON CONFLICT (network, id) DO UPDATE SET (person, kind) = (excluded.person, excluded.kind)`,
  );
  const dropAddress = prepare(db, 'DELETE FROM addresses WHERE network = ? AND id = ?');
  const putToken = prepare(
    db,
    `INSERT INTO tokens VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET
     (person, network, device_id, created_at) =
     (excluded.person, excluded.network, excluded.device_id, excluded.created_at)`,
  );
  const dropToken = prepare(db, 'DELETE FROM tokens WHERE hash = ?');
  const putHeldToken = prepare(
    db,
    `INSERT INTO held_tokens VALUES (?, ?, ?, ?)
     ON CONFLICT (network, id) DO UPDATE SET (sealed, given_at) = (excluded.sealed, excluded.given_at)`,
  );
  const dropHeldToken = prepare(db, 'DELETE FROM held_tokens WHERE network = ? AND id = ?');
  const putContact = prepare(db, 'INSERT INTO contacts VALUES (?, ?) ON CONFLICT DO NOTHING');
  const dropContact = prepare(db, 'DELETE FROM contacts WHERE owner = ? AND target = ?');
  const putBlock = prepare(db, 'INSERT INTO blocks VALUES (?, ?) ON CONFLICT DO NOTHING');
  const dropBlock = prepare(db, 'DELETE FROM blocks WHERE blocker = ? AND blocked = ?');
  const putInvite = prepare(db, 'INSERT INTO invites VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const dropInvite = prepare(db, 'DELETE FROM invites WHERE owner = ? AND network = ? AND id = ?');
  const putMeta = prepare(
    db,
    'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const addAudit = prepare(
    db,
    `INSERT INTO audit (id, at, actor, action, subjects, details) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
  );

  return (change) => {
    switch (change.row) {
      case 'person': {
        const { id, value } = change;
        if (!value) return dropPerson.run(id);
        const { displayName, avatarUrl, visibility, createdAt } = value;
        return putPerson.run(id, toColumn(displayName), toColumn(avatarUrl), visibility, createdAt);
      }
      case 'address': {
        const { address, value } = change;
        const key = [address.network, toColumn(address.id)] as const;
        return value ? putAddress.run(...key, value.person, value.kind) : dropAddress.run(...key);
      }
      case 'token': {
        const { hash, value } = change;
        if (!value) return dropToken.run(hash);
        return putToken.run(hash, value.person, value.network, toColumn(value.deviceId), value.createdAt);
      }
      case 'held-token': {
        const { address, value } = change;
        const key = [address.network, toColumn(address.id)] as const;
        return value ? putHeldToken.run(...key, value.sealed, value.givenAt) : dropHeldToken.run(...key);
      }
      case 'contact':
        return (change.value ? putContact : dropContact).run(change.owner, change.target);
      case 'block':
        return (change.value ? putBlock : dropBlock).run(change.blocker, change.blocked);
      case 'invite': {
        const { owner, address } = change;
        return (change.value ? putInvite : dropInvite).run(owner, address.network, toColumn(address.id));
      }
      case 'meta':
        return putMeta.run(toColumn(change.key), toColumn(change.value));
      case 'audit': {
        const { at, actor, action, subjects, details } = change.value;
        return addAudit.run(change.id, at, actor, action, JSON.stringify(subjects), JSON.stringify(details));
      }
    }
  };
}
