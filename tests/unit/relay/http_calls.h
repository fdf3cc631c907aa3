/* SPDX-License-Identifier: Apache-2.0
 *
 * Shorthand for tests of calls and their sessions.
 */
#pragma once

#include <string.h>

#include "base/clock.h"
#include "http_fixture.h"
#include "store/calls.h"
#include "suite.h"

#define NOW bl_clock_unix_us ()

static void
post (BlDoor door, const char *certificate, const char *bearer,
      const char *path, const char *call, const char *offer, Reply *out)
{
  const Ask ask = { .door = door,
                    .method = "POST",
                    .path = path,
                    .type = "application/sdp",
                    .body = offer,
                    .certificate = certificate,
                    .bearer = bearer,
                    .call = call };
  site_ask (&ask, out);
}

/* A vehicle's WHIP POST. */
static inline void
whip (const char *unit, const char *ed, const char *call, Reply *out)
{
  g_autofree char *offer = offer_whip ();
  g_autofree char *path = g_strdup_printf ("/whip/%s", ed);
  post (BL_DOOR_VEHICLE, unit, NULL, path, call, offer, out);
}

static inline guint
whip_status (const char *unit, const char *ed, const char *call)
{
  g_auto (Reply) reply = { 0 };
  whip (unit, ed, call, &reply);
  return reply.status;
}

static inline void
whep (const char *bearer, const char *call, Reply *out)
{
  g_autofree char *offer = offer_whep ();
  g_autofree char *path = g_strdup_printf ("/whep/%s", call);
  post (BL_DOOR_MAIN, NULL, bearer, path, NULL, offer, out);
}

/* A call whose publisher is connected and sends; gives its session's URL. */
static inline char *
live_call (const char *unit, const char *call)
{
  g_auto (Reply) reply = { 0 };
  whip (unit, "north", call, &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session,
                   fake_media ()->last_source);
  fake_media_tell (BL_WORKER_SOURCE_STARTED, 0, fake_media ()->last_source);
  return g_strdup (reply_header (&reply, "Location"));
}

static inline void
open_call (const char *unit, const char *call)
{
  g_free (live_call (unit, call));
}

static inline BlLiveState
state_of (const char *call)
{
  return bl_live_call_state (bl_registry_find (site.registry, call));
}

static inline gboolean
audited (BlAuditAction action, const char *actor, const char *object)
{
  g_autoptr (GPtrArray) rows = bl_audit_list (site.db, 0, 100, NULL);
  for (guint i = 0; i < rows->len; i++) {
    const BlAuditRow *row = g_ptr_array_index (rows, i);
    if (row->action == action && g_strcmp0 (row->actor, actor) == 0
        && g_strcmp0 (row->object, object) == 0)
      return TRUE;
  }
  return FALSE;
}

static inline guint
session (const char *method, const char *path, const char *certificate,
         const char *bearer, const char *if_match, const char *frag)
{
  const Ask ask = { .door = certificate ? BL_DOOR_VEHICLE : BL_DOOR_MAIN,
                    .method = method,
                    .path = path,
                    .type = frag ? "application/trickle-ice-sdpfrag" : NULL,
                    .body = frag,
                    .certificate = certificate,
                    .bearer = bearer,
                    .if_match = if_match };
  return site_status (&ask);
}
