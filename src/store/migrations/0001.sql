-- SPDX-License-Identifier: Apache-2.0
-- The first tables. All times: Unix microseconds, UTC.

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  display_name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('clinician', 'it')),
  password_hash TEXT,
  disabled INTEGER NOT NULL DEFAULT 0,
  created_us INTEGER NOT NULL
) STRICT;

CREATE TABLE codes (
  hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_user ON codes (user_id);

CREATE TABLE sign_ins (
  hash TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  created_us INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_user ON sign_ins (user_id);

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('publish', 'view', 'metrics')),
  subject TEXT NOT NULL,
  label TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  revoked_us INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  ed TEXT NOT NULL,
  unit TEXT,
  token_id INTEGER REFERENCES tokens,
  state TEXT NOT NULL CHECK (state IN ('open', 'interrupted', 'ended')),
  started_us INTEGER NOT NULL,
  seen_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL DEFAULT 0,
  end_reason TEXT,
  CHECK ((unit IS NULL) <> (token_id IS NULL))
) STRICT;
CREATE INDEX calls_started ON calls (started_us);
CREATE INDEX calls_unfinished ON calls (state) WHERE state <> 'ended';

CREATE TABLE recordings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  call_id TEXT NOT NULL UNIQUE REFERENCES calls,
  created_us INTEGER NOT NULL,
  origin_us INTEGER NOT NULL DEFAULT 0,
  ended_us INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE parts (
  recording_id INTEGER NOT NULL REFERENCES recordings,
  number INTEGER NOT NULL CHECK (number > 0),
  start_us INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  init_bytes INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  PRIMARY KEY (recording_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE fragments (
  recording_id INTEGER NOT NULL,
  part INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  start_us INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  keyframe INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (recording_id, part, offset),
  FOREIGN KEY (recording_id, part) REFERENCES parts (recording_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
  id INTEGER PRIMARY KEY,
  recording_id INTEGER NOT NULL REFERENCES recordings,
  track TEXT NOT NULL CHECK (track IN ('video', 'audio', 'both')),
  start_us INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_recording ON gaps (recording_id, start_us);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit is append only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit is append only'); END;
