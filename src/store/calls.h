/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: one patient's transport from a unit, or from a publisher with a
 * token, to an ED. Invariant: exactly one of `unit` and `token` is set.
 */
#pragma once

#include "store/db.h"

typedef enum {
  BL_CALL_OPEN,
  BL_CALL_INTERRUPTED, /* the relay stopped in the middle of it */
  BL_CALL_ENDED,
} BlCallState;

/* "open", "interrupted" or "ended". */
const char *bl_call_state_name (BlCallState state);

typedef struct {
  char *id;
  char *ed;
  char *unit;   /* NULL: by token */
  gint64 token; /* 0: by unit */
  BlCallState state;
  gint64 started_us;
  gint64 seen_us;   /* last known to be alive */
  gint64 ended_us;  /* 0: has not */
  char *end_reason; /* NULL: has not ended */
} BlCall;

void bl_call_free (BlCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlCall, bl_call_free)

/* EXISTS if there is a call with this id. */
gboolean bl_calls_add (BlDb *db, const char *id, const char *ed,
                       const char *unit, gint64 token, gint64 now_us,
                       GError **error);

/* NOT_FOUND */
BlCall *bl_calls_get (BlDb *db, const char *id, GError **error);

/* Newest first, at most `limit`: (element-type BlCall), with free function. */
GPtrArray *bl_calls_list (BlDb *db, guint limit, GError **error);

/* The open and the interrupted ones. */
GPtrArray *bl_calls_list_unfinished (BlDb *db, GError **error);

/* Notes that these calls live; control does so every few seconds, so that
 * after a crash it is known when they were last alive. */
gboolean bl_calls_touch (BlDb *db, const char *id, gint64 now_us,
                         GError **error);

/* `reason`: a few words for people, "hung up by unit". NOT_FOUND. Ending an
 * ended call changes nothing. */
gboolean bl_calls_end (BlDb *db, const char *id, const char *reason,
                       gint64 now_us, GError **error);

/* At start: open calls become interrupted. Gives how many. */
gboolean bl_calls_mark_interrupted (BlDb *db, guint *out_count, GError **error);

/* The unit came back: interrupted becomes open. NOT_FOUND if the call is not
 * there or has ended. */
gboolean bl_calls_reopen (BlDb *db, const char *id, gint64 now_us,
                          GError **error);
