/* SPDX-License-Identifier: Apache-2.0
 *
 * For the modules of store/ only: statements on a BlDb.
 *
 * `operation` is a few words that complete "can't …" ("add the user “ann”").
 * `types` has one letter a value that follows, for the statement's ?1, ?2 …:
 *   i  gint64    s  const char * (NULL binds NULL; copied)
 * Statements are prepared once a connection and found again by their text.
 */
#pragma once

#include <sqlite3.h>

#include "store/db.h"

extern const char *const bl_db_migrations[];
extern const int bl_db_n_migrations;

typedef struct {
  BlDb *db;
  const char *operation; /* borrowed */
} BlDbOp;

#define BL_DB_OP(db, operation) (&(const BlDbOp){ (db), (operation) })

/* Makes a heap object of the row on which `row` stands. */
typedef gpointer (*BlDbRowFunc) (sqlite3_stmt *row);

/* A statement that gives no rows. */
gboolean bl_db_run (const BlDbOp *op, GError **error, const char *sql,
                    const char *types, ...);

/* Between these, commits do not wait for the disk: they are flushed by a thread
 * right after. FALSE, and nothing is to be ended, when they must wait: in a
 * change of several parts, or after a flush has failed, so that SQLite itself
 * meets the disk's error. For BL_DB_DURABLE. */
gboolean bl_db_begin_soon (BlDb *db);
void bl_db_end_soon (BlDb *db);

/* The first row; NULL with NOT_FOUND and `missing` as message if none. */
gpointer bl_db_one (const BlDbOp *op, BlDbRowFunc make, const char *missing,
                    GError **error, const char *sql, const char *types, ...);

/* All rows, with `destroy` as the array's free function. */
GPtrArray *bl_db_list (const BlDbOp *op, BlDbRowFunc make,
                       GDestroyNotify destroy, GError **error, const char *sql,
                       const char *types, ...);

/* The first column of the only row, a number. */
gboolean bl_db_number (const BlDbOp *op, gint64 *out_number, GError **error,
                       const char *sql, const char *types, ...);

gint64 bl_db_last_id (BlDb *db);
/* Rows that the last bl_db_run() changed. */
gint64 bl_db_changed (BlDb *db);

/* A copy of a text column; NULL for NULL. */
char *bl_db_text (sqlite3_stmt *row, int column);
