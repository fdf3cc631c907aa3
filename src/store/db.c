/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/db_private.h"
#include "store/flusher.h"

#define BUSY_TIMEOUT_MS 5000
/* "BLUE": tells our files from other programs' (PRAGMA application_id). */
#define APPLICATION_ID 0x424c5545

struct BlDb {
  sqlite3 *sqlite;
  char *folder;
  char *path;
  GHashTable *statements; /* SQL text → sqlite3_stmt */
  GThread *thread;
  BlFlusher *flusher; /* NULL: not needed yet */
  guint depth;        /* of bl_db_begin() */
  gboolean doomed;    /* an inner change failed: so must the outer */
};

G_DEFINE_QUARK (bl_db_error, bl_db_error)

static const struct {
  int code;
  BlDbError error;
  const char *advice;
} failures[] = {
  { SQLITE_FULL, BL_DB_ERROR_FULL,
    "the disk is full, or the file at its limit: make room" },
  { SQLITE_BUSY, BL_DB_ERROR_BUSY,
    "another program has held it locked for too long" },
  { SQLITE_LOCKED, BL_DB_ERROR_BUSY, "it is locked" },
  { SQLITE_CORRUPT, BL_DB_ERROR_CORRUPT,
    "the file is damaged: restore it from a backup" },
  { SQLITE_NOTADB, BL_DB_ERROR_OPEN, "the file is no SQLite database" },
  { SQLITE_CANTOPEN, BL_DB_ERROR_OPEN,
    "it can't be opened: check that the folder is there and writable" },
  { SQLITE_READONLY, BL_DB_ERROR_OPEN,
    "it can't be written: check who owns the file and its folder" },
  { SQLITE_PERM, BL_DB_ERROR_OPEN, "no permission" },
};

static const struct {
  int extended;
  BlDbError error;
  const char *why;
} constraints[] = {
  { SQLITE_CONSTRAINT_UNIQUE, BL_DB_ERROR_EXISTS, "it exists already" },
  { SQLITE_CONSTRAINT_PRIMARYKEY, BL_DB_ERROR_EXISTS, "it exists already" },
  { SQLITE_CONSTRAINT_FOREIGNKEY, BL_DB_ERROR_NOT_FOUND,
    "what it belongs to does not exist" },
};

/* Turns SQLite's last failure into `error`. */
static void
set_error (const BlDb *db, const char *operation, GError **error)
{
  int system = errno; /* sqlite3_system_errno() is 0 for a failed write */
  int extended = sqlite3_extended_errcode (db->sqlite);
  int code = extended & 0xff;
  for (guint i = 0; i < G_N_ELEMENTS (constraints); i++) {
    if (constraints[i].extended == extended) {
      g_set_error (error, BL_DB_ERROR, constraints[i].error, "can't %s: %s",
                   operation, constraints[i].why);
      return;
    }
  }
  /* A full disk may show as an I/O error, from the WAL or its index. */
  if (code == SQLITE_IOERR
      && (system == ENOSPC || system == EDQUOT || system == EFBIG))
    code = SQLITE_FULL;
  for (guint i = 0; i < G_N_ELEMENTS (failures); i++) {
    if (failures[i].code == code) {
      g_set_error (error, BL_DB_ERROR, failures[i].error,
                   "%s: can't %s: %s (%s)", db->path, operation,
                   failures[i].advice, sqlite3_errmsg (db->sqlite));
      return;
    }
  }
  g_set_error (
      error, BL_DB_ERROR,
      code == SQLITE_CONSTRAINT ? BL_DB_ERROR_VALUE : BL_DB_ERROR_FAILED,
      "%s: can't %s: %s", db->path, operation, sqlite3_errmsg (db->sqlite));
}

/* ---- statements ---- */

static sqlite3_stmt *
find_statement (const BlDbOp *op, const char *sql, GError **error)
{
  g_assert (op->db->thread == g_thread_self ());
  sqlite3_stmt *stmt = g_hash_table_lookup (op->db->statements, sql);
  if (stmt)
    return stmt;
  if (sqlite3_prepare_v3 (op->db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT,
                          &stmt, NULL)
      != SQLITE_OK) {
    set_error (op->db, op->operation, error);
    return NULL;
  }
  g_hash_table_insert (op->db->statements, g_strdup (sql), stmt);
  return stmt;
}

static sqlite3_stmt *
bind (const BlDbOp *op, GError **error, const char *sql, const char *types,
      va_list args)
{
  sqlite3_stmt *stmt = find_statement (op, sql, error);
  if (!stmt)
    return NULL;
  g_assert (sqlite3_bind_parameter_count (stmt) == (int)strlen (types));
  for (int i = 1; *types; types++, i++) {
    int result = SQLITE_OK;
    if (*types == 'i')
      result = sqlite3_bind_int64 (stmt, i, va_arg (args, gint64));
    else if (*types == 's')
      result = sqlite3_bind_text (stmt, i, va_arg (args, const char *), -1,
                                  SQLITE_TRANSIENT);
    else
      g_assert_not_reached ();
    if (result != SQLITE_OK) {
      set_error (op->db, op->operation, error);
      return NULL;
    }
  }
  return stmt;
}

/* SQLITE_ROW, SQLITE_DONE, or another with `error` set. After anything but a
 * row the statement is ready for its next use. */
static int
step (const BlDbOp *op, sqlite3_stmt *stmt, GError **error)
{
  int result = sqlite3_step (stmt);
  if (result != SQLITE_ROW && result != SQLITE_DONE)
    set_error (op->db, op->operation, error);
  if (result != SQLITE_ROW) {
    sqlite3_reset (stmt);
    sqlite3_clear_bindings (stmt);
  }
  return result;
}

static void
finish (sqlite3_stmt *stmt)
{
  sqlite3_reset (stmt);
  sqlite3_clear_bindings (stmt);
}

gboolean
bl_db_run (const BlDbOp *op, GError **error, const char *sql, const char *types,
           ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *stmt = bind (op, error, sql, types, args);
  va_end (args);
  if (!stmt)
    return FALSE;
  int result;
  do
    result = step (op, stmt, error);
  while (result == SQLITE_ROW);
  return result == SQLITE_DONE;
}

gpointer
bl_db_one (const BlDbOp *op, BlDbRowFunc make, const char *missing,
           GError **error, const char *sql, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *stmt = bind (op, error, sql, types, args);
  va_end (args);
  if (!stmt)
    return NULL;
  int result = step (op, stmt, error);
  if (result == SQLITE_ROW) {
    gpointer object = make (stmt);
    finish (stmt);
    return object;
  }
  if (result == SQLITE_DONE)
    g_set_error_literal (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND, missing);
  return NULL;
}

GPtrArray *
bl_db_list (const BlDbOp *op, BlDbRowFunc make, GDestroyNotify destroy,
            GError **error, const char *sql, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *stmt = bind (op, error, sql, types, args);
  va_end (args);
  if (!stmt)
    return NULL;
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (destroy);
  int result;
  while ((result = step (op, stmt, error)) == SQLITE_ROW)
    g_ptr_array_add (list, make (stmt));
  return result == SQLITE_DONE ? g_steal_pointer (&list) : NULL;
}

gboolean
bl_db_number (const BlDbOp *op, gint64 *out_number, GError **error,
              const char *sql, const char *types, ...)
{
  va_list args;
  va_start (args, types);
  sqlite3_stmt *stmt = bind (op, error, sql, types, args);
  va_end (args);
  if (!stmt)
    return FALSE;
  int result = step (op, stmt, error);
  if (result == SQLITE_ROW) {
    *out_number = sqlite3_column_int64 (stmt, 0);
    finish (stmt);
    return TRUE;
  }
  if (result == SQLITE_DONE)
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
                 "can't %s: there is none", op->operation);
  return FALSE;
}

gint64
bl_db_last_id (BlDb *db)
{
  return sqlite3_last_insert_rowid (db->sqlite);
}

gint64
bl_db_changed (BlDb *db)
{
  return sqlite3_changes64 (db->sqlite);
}

char *
bl_db_text (sqlite3_stmt *row, int column)
{
  return g_strdup ((const char *)sqlite3_column_text (row, column));
}

/* ---- opening ---- */

/* Runs SQL that is not worth caching. */
static gboolean
execute (BlDb *db, const char *operation, const char *sql, GError **error)
{
  if (sqlite3_exec (db->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  set_error (db, operation, error);
  return FALSE;
}

static gboolean
pragma (BlDb *db, const char *sql, gint64 *out_number, GError **error)
{
  return bl_db_number (BL_DB_OP (db, "read its version"), out_number, error,
                       sql, "");
}

/* SQLite would make the file by the umask; recordings and hashes are nobody
 * else's business. WAL and index take the file's mode. A file that is there is
 * not opened: closing it would take away the locks of this process's other
 * connections (POSIX). */
static gboolean
make_file (const BlDb *db, GError **error)
{
  int fd = open (db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return TRUE;
  if (fd < 0) {
    g_set_error (error, BL_DB_ERROR,
                 errno == ENOSPC ? BL_DB_ERROR_FULL : BL_DB_ERROR_OPEN,
                 "%s: can't open the database: %s; check that the folder is "
                 "there and writable",
                 db->path, g_strerror (errno));
    return FALSE;
  }
  close (fd);
  return TRUE;
}

static gboolean
check_is_ours (BlDb *db, gint64 version, GError **error)
{
  gint64 application, tables;
  if (!pragma (db, "PRAGMA application_id", &application, error)
      || !pragma (db, "SELECT count (*) FROM sqlite_master", &tables, error))
    return FALSE;
  if (application != APPLICATION_ID && (version > 0 || tables > 0)) {
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_OPEN,
                 "%s: this database is not Bluelight's: name another folder",
                 db->path);
    return FALSE;
  }
  if (version > bl_db_n_migrations) {
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NEWER,
                 "%s: written by a newer Bluelight (database version "
                 "%" G_GINT64_FORMAT ", this program knows %d): install that "
                 "version, or restore the backup made before the upgrade",
                 db->path, version, bl_db_n_migrations);
    return FALSE;
  }
  return TRUE;
}

static gboolean
migrate (BlDb *db, GError **error)
{
  gint64 version;
  if (!pragma (db, "PRAGMA user_version", &version, error)
      || !check_is_ours (db, version, error))
    return FALSE;
  for (int next = (int)version; next < bl_db_n_migrations; next++) {
    g_autofree char *operation
        = g_strdup_printf ("bring the tables to version %d", next + 1);
    g_autofree char *mark = g_strdup_printf ("PRAGMA application_id = %d;"
                                             "PRAGMA user_version = %d;",
                                             APPLICATION_ID, next + 1);
    if (!execute (db, operation, bl_db_migrations[next], error)
        || !execute (db, operation, mark, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
set_up (BlDb *db, BlDbSync sync, GError **error)
{
  const char *sql = sync == BL_DB_DURABLE ? "PRAGMA synchronous = FULL"
                                          : "PRAGMA synchronous = NORMAL";
  return execute (db, "open the database", "PRAGMA journal_mode = WAL", error)
         && execute (db, "open the database", sql, error)
         && execute (db, "open the database", "PRAGMA foreign_keys = ON", error)
         /* One at a time: the write lock is taken before the version is read.*/
         && bl_db_begin (db, error)
         && bl_db_end (db, migrate (db, error), error);
}

static void
finalize (gpointer stmt)
{
  sqlite3_finalize (stmt);
}

BlDb *
bl_db_open (const char *folder, BlDbSync sync, GError **error)
{
  g_autoptr (BlDb) db = g_new0 (BlDb, 1);
  db->thread = g_thread_self ();
  db->folder = g_strdup (folder);
  db->path = g_build_filename (folder, BL_DB_FILE, NULL);
  db->statements
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, finalize);
  if (!make_file (db, error))
    return NULL;
  int flags
      = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2 (db->path, &db->sqlite, flags, NULL) != SQLITE_OK) {
    if (db->sqlite)
      set_error (db, "open the database", error);
    else
      g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_OPEN, "%s: out of memory",
                   db->path);
    return NULL;
  }
  sqlite3_busy_timeout (db->sqlite, BUSY_TIMEOUT_MS);
  if (!set_up (db, sync, error))
    return NULL;
  return g_steal_pointer (&db);
}

void
bl_db_close (BlDb *db)
{
  if (!db)
    return;
  g_hash_table_unref (db->statements);
  bl_flusher_free (db->flusher);
  sqlite3_close (db->sqlite);
  g_free (db->path);
  g_free (db->folder);
  g_free (db);
}

const char *
bl_db_folder (const BlDb *db)
{
  return db->folder;
}

gint
bl_db_version (void)
{
  return bl_db_n_migrations;
}

/* ---- commits that the disk may be a moment behind of ---- */

/* In WAL mode each commit is an append to the WAL, so flushing that file later
 * is what SQLite would have done at the commit. No locks are held on it that
 * closing our descriptor could take away. */
static gboolean
start_flusher (BlDb *db)
{
  g_autofree char *wal = g_strconcat (db->path, "-wal", NULL);
  if (!db->flusher)
    db->flusher = bl_flusher_new (wal);
  return db->flusher && !bl_flusher_has_failed (db->flusher);
}

gboolean
bl_db_begin_soon (BlDb *db)
{
  return db->depth == 0 && start_flusher (db)
         && execute (db, "relax", "PRAGMA synchronous = NORMAL", NULL);
}

void
bl_db_end_soon (BlDb *db)
{
  bl_flusher_request (db->flusher);
  /* It can fail only without memory; then the next one would not be flushed. */
  gboolean tight = execute (db, "tighten", "PRAGMA synchronous = FULL", NULL);
  g_assert (tight);
}

gboolean
bl_db_begin (BlDb *db, GError **error)
{
  if (db->depth == 0
      && !bl_db_run (BL_DB_OP (db, "begin a change"), error, "BEGIN IMMEDIATE",
                     ""))
    return FALSE;
  db->depth++;
  return TRUE;
}

gboolean
bl_db_end (BlDb *db, gboolean commit, GError **error)
{
  g_assert (db->depth > 0);
  if (!commit)
    db->doomed = TRUE;
  if (--db->depth > 0)
    return commit;
  gboolean doomed = db->doomed;
  db->doomed = FALSE;
  if (doomed && commit)
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_FAILED,
                 "%s: a part of the change failed: all of it was taken back",
                 db->path);
  if (!doomed
      && bl_db_run (BL_DB_OP (db, "finish a change"), error, "COMMIT", ""))
    return TRUE;
  /* After some failures SQLite has rolled back by itself. */
  if (!sqlite3_get_autocommit (db->sqlite))
    (void)bl_db_run (BL_DB_OP (db, "take back a change"), NULL, "ROLLBACK", "");
  return FALSE;
}
