/* SPDX-License-Identifier: Apache-2.0
 *
 * The crew's page and its API, on loopback alone:
 *   GET  /            the page, /kiosk.css, /kiosk.js
 *   GET  /api/state   BlKioskState as JSON
 *   POST /call        {"ed": "north"}
 *   POST /hangup
 * Errors are {"error": "a sentence"}.
 *
 * Other programs on this machine may use it; pages of other sites may not. So a
 * request must name a loopback host (no DNS rebinding), a POST must come from
 * our own page or from no page (Origin), and must be JSON, which a foreign form
 * can't send.
 *
 * Main context and callbacks as in capture.h.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "vehicle/health.h"

typedef struct BlKiosk BlKiosk;

#define BL_KIOSK_MAX_BODY_BYTES 4096

/* Borrowed for the length of the call that gives it. */
typedef struct {
  const char *state; /* idle, calling, live, reconnecting, ending */
  const char *unit;
  const char *ed;      /* NULL when idle */
  const char *call_id; /* likewise */
  gint64 since_unix_s; /* of the call; 0 when idle */
  const char *const *eds;
  const char *message;    /* for the crew; "" if there is none */
  const char *capture;    /* stopped, starting, running, failed, ended */
  const char *path;       /* addresses in use; NULL if there are none */
  const char *connection; /* good, poor, lost; NULL: there is none to judge */
  const BlHealthPath *paths;
  guint n_paths;
  BlHealthEncoder encoder;
  guint64 target_bps;  /* what all that is sent may come to */
  guint64 late_drops;  /* times that what waited too long was dropped */
  guint64 bitrate_bps; /* measured over the last second */
  double fps;
  gint64 rtt_us;    /* 0: not known */
  double loss;      /* 0..1 */
  int viewers;      /* -1: not known */
  guint64 restarts; /* of capture */
} BlKioskState;

typedef struct {
  void (*state) (BlKioskState *out_state, gpointer user_data);
  /* NULL, or a sentence that says why not (free with g_free). */
  char *(*call) (const char *ed, gpointer user_data);
  char *(*hang_up) (gpointer user_data);
} BlKioskCallbacks;

/* Listens on 127.0.0.1 and, where there is one, ::1. Port 0 is any free one.
 * The error names the port and says what to do. */
BlKiosk *bl_kiosk_new (guint16 port, const BlKioskCallbacks *callbacks,
                       gpointer user_data, GError **error);
void bl_kiosk_free (BlKiosk *kiosk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlKiosk, bl_kiosk_free)

guint16 bl_kiosk_port (const BlKiosk *kiosk);

/* Is `host` (a Host header, or an origin's host and port) this machine? */
bool bl_kiosk_host_is_loopback (const char *host);
