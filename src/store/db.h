/* SPDX-License-Identifier: Apache-2.0
 *
 * The database: one SQLite file in WAL mode. A BlDb is one connection and
 * belongs to one thread; each thread that needs the database opens its own.
 *
 * The tables' modules (users, tokens, calls, recordings, audit) take the
 * connection as their first argument. All times are Unix microseconds, UTC.
 * Every error is a BL_DB_ERROR that names the file and the operation.
 */
#pragma once

#include <glib.h>

typedef struct BlDb BlDb;

#define BL_DB_ERROR (bl_db_error_quark ())
GQuark bl_db_error_quark (void);

typedef enum {
  BL_DB_ERROR_OPEN,      /* can't be opened, or is no database */
  BL_DB_ERROR_NEWER,     /* written by a newer Bluelight */
  BL_DB_ERROR_FULL,      /* the disk is full */
  BL_DB_ERROR_BUSY,      /* another program holds it for too long */
  BL_DB_ERROR_CORRUPT,   /* damaged */
  BL_DB_ERROR_EXISTS,    /* there is one with this name or id */
  BL_DB_ERROR_NOT_FOUND, /* there is none */
  BL_DB_ERROR_VALUE,     /* a name, role or the like that can't be */
  BL_DB_ERROR_FAILED,    /* anything else */
} BlDbError;

typedef enum {
  /* Each commit is on the disk when the call returns: control and operators
   * (audit, users, tokens, calls). */
  BL_DB_DURABLE,
  /* Commits are consistent, but the last may be lost with the power: the
   * recorder. bl_recovery_run() finds them again in the files. */
  BL_DB_RELAXED,
} BlDbSync;

/* The database's name in the store's folder, and the recordings' folder. */
#define BL_DB_FILE           "bluelight.db"
#define BL_RECORDINGS_FOLDER "recordings"

/* Opens `folder`/bluelight.db, making it (mode 0600) if there is none, and
 * brings its tables up to date. The folder must exist. */
BlDb *bl_db_open (const char *folder, BlDbSync sync, GError **error);

/* Accepts NULL. */
void bl_db_close (BlDb *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlDb, bl_db_close)

/* The store's folder; borrowed. */
const char *bl_db_folder (const BlDb *db);

/* The number of the last migration, which is the database's version. */
gint bl_db_version (void);

/* Groups calls into one commit. Begin and end pair and may nest: only the
 * outermost end commits. With `commit` FALSE at any level, or when the commit
 * fails, nothing has happened, and end gives FALSE; it sets `error` only if
 * `commit` was TRUE.
 *   return bl_db_begin (db, error) && bl_db_end (db, work (db, error), error);
 */
gboolean bl_db_begin (BlDb *db, GError **error);
gboolean bl_db_end (BlDb *db, gboolean commit, GError **error);
