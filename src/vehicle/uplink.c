/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.uplink"
#include "vehicle/uplink.h"

#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "rtc/demux.h"
#include "vehicle/timer.h"
#include "vehicle/uplink_paths.h"

#define WATCH_MS 50

/* SSRCs that the relay may report from. */
#define MAX_REMOTE_SSRCS 16

struct BlUplink {
  BlUplinkOptions options;
  const BlUplinkCallbacks *callbacks;
  gpointer user_data;

  BlUplinkState state;
  BlUplinkPaths *paths;
  BlTime connect_by_us;
  bool silent; /* told since something came last */

  BlFingerprint fingerprint;
  BlDtls *dtls;
  BlSrtp *srtp;
  BlSrtpProfile profile;
  BlTimer *dtls_timer;
  GSource *watch;
  BlUplinkStats stats;
};

const char *
bl_uplink_state_name (BlUplinkState state)
{
  static const char *const names[] = {
    [BL_UPLINK_IDLE] = "idle",         [BL_UPLINK_GATHERING] = "gathering",
    [BL_UPLINK_CHECKING] = "checking", [BL_UPLINK_CONNECTED] = "connected",
    [BL_UPLINK_LOST] = "lost",
  };
  return names[state];
}

static void
set_state (BlUplink *u, BlUplinkState state, const char *reason)
{
  if (u->state == state)
    return;
  u->state = state;
  u->callbacks->state (state, reason, u->user_data);
}

static void
lose (BlUplink *u, const char *reason)
{
  set_state (u, BL_UPLINK_LOST, reason);
}

/* --- DTLS
 * --------------------------------------------------------------------- */

static void
drain_dtls (BlUplink *u)
{
  guint8 datagram[BL_DTLS_MTU_BYTES];
  gsize length;
  while ((length = bl_dtls_next_output (u->dtls, datagram, sizeof datagram))
         > 0)
    bl_uplink_paths_send (u->paths, bl_uplink_paths_freshest (u->paths),
                          datagram, length);
  bl_timer_set (u->dtls_timer, bl_dtls_deadline (u->dtls, bl_clock_now ()));
}

static void
take_keys (BlUplink *u)
{
  BlSrtpKeys keys;
  if (!bl_dtls_keys (u->dtls, &keys))
    return;
  u->srtp = bl_srtp_new (&keys, MAX_REMOTE_SSRCS);
  u->profile = keys.profile;
  bl_srtp_keys_clear (&keys);
  if (!u->srtp) {
    lose (u, "no memory for SRTP");
    return;
  }
  bl_uplink_paths_hear (u->paths, bl_uplink_paths_freshest (u->paths),
                        bl_clock_now ());
  set_state (u, BL_UPLINK_CONNECTED, "");
}

static void
on_dtls_state (BlUplink *u, BlDtlsState state)
{
  drain_dtls (u);
  switch (state) {
  case BL_DTLS_CONNECTING:
    break;
  case BL_DTLS_UP:
    if (!u->srtp)
      take_keys (u);
    break;
  case BL_DTLS_CLOSED:
    lose (u, "the relay closed the connection");
    break;
  case BL_DTLS_FAILED:
    lose (u, bl_dtls_failure_text (u->dtls));
    break;
  }
}

static void
on_dtls_timer (gpointer data)
{
  BlUplink *u = data;
  if (u->dtls)
    on_dtls_state (u, bl_dtls_on_deadline (u->dtls));
}

static void
start_dtls (BlUplink *u)
{
  u->dtls = bl_dtls_new (u->options.dtls, BL_DTLS_CLIENT, &u->fingerprint, 1);
  if (!u->dtls) {
    lose (u, "no memory for DTLS");
    return;
  }
  drain_dtls (u);
}

/* --- what the paths tell
 * --------------------------------------------------------- */

/* The old paths are what the session goes by again. */
static void
come_back (BlUplink *u)
{
  if (u->state == BL_UPLINK_LOST || u->silent)
    set_state (u, BL_UPLINK_CONNECTED, "");
  u->silent = false;
}

static void
on_srtcp (BlUplink *u, unsigned path, guint8 *data, gsize length)
{
  if (!u->srtp
      || bl_srtp_unprotect_rtcp (u->srtp, data, &length) != BL_SRTP_OK) {
    u->stats.bad_packets++;
    return;
  }
  BlTime now = bl_clock_now ();
  bl_uplink_paths_hear (u->paths, path, now);
  if (bl_uplink_is_keyed (u))
    come_back (u);
  u->callbacks->rtcp (path, data, length, now, u->user_data);
}

static void
on_packet (unsigned path, guint8 *data, gsize length, gpointer user_data)
{
  BlUplink *u = user_data;
  u->stats.packets_received++;
  switch (bl_demux (data, length)) {
  case BL_DEMUX_DTLS:
    if (u->dtls)
      on_dtls_state (u, bl_dtls_receive (u->dtls, data, length));
    break;
  case BL_DEMUX_RTCP:
    on_srtcp (u, path, data, length);
    break;
  case BL_DEMUX_RTP:
  case BL_DEMUX_STUN:
  case BL_DEMUX_OTHER:
    u->stats.bad_packets++;
    break;
  }
}

static void
on_ready (unsigned path, gpointer user_data)
{
  BlUplink *u = user_data;
  bl_info ("%s: there is a path", bl_uplink_paths_interface (u->paths, path));
  if (!u->dtls)
    start_dtls (u);
  else if (u->srtp)
    set_state (u, BL_UPLINK_CONNECTED, "");
  u->callbacks->path (path, true, u->user_data);
}

static void
on_gone (unsigned path, gpointer user_data)
{
  BlUplink *u = user_data;
  u->callbacks->path (path, false, u->user_data);
}

static bool
is_heard (const BlUplink *u, BlTime now)
{
  return now - bl_uplink_paths_heard_us (u->paths) <= BL_UPLINK_SILENCE_US;
}

/* The new paths came to nothing. */
static void
fail (BlUplink *u, const char *reason)
{
  if (u->srtp && is_heard (u, bl_clock_now ()))
    bl_uplink_cancel_restart (u);
  else
    lose (u, reason);
}

static void
on_failed (gpointer user_data)
{
  BlUplink *u = user_data;
  if (u->state == BL_UPLINK_CHECKING)
    fail (u, "no path to the relay's media address: is its UDP port open, and"
             " the address that it advertises right?");
}

static void
on_candidate (const BlCandidate *candidate, gpointer user_data)
{
  BlUplink *u = user_data;
  u->callbacks->candidate (candidate, u->user_data);
}

static void
on_gathered (gpointer user_data)
{
  BlUplink *u = user_data;
  u->callbacks->gathered (u->user_data);
}

static const BlUplinkPathsCallbacks paths_callbacks = {
  .packet = on_packet,
  .ready = on_ready,
  .gone = on_gone,
  .failed = on_failed,
  .candidate = on_candidate,
  .gathered = on_gathered,
};

static void
tell_silence (BlUplink *u)
{
  if (u->silent)
    return;
  u->silent = true;
  u->callbacks->silent (u->user_data);
}

static gboolean
on_watch (gpointer data)
{
  BlUplink *u = data;
  BlTime now = bl_clock_now ();
  if (u->srtp)
    bl_uplink_paths_on_time (u->paths, now);
  bool heard = is_heard (u, now);
  switch (u->state) {
  case BL_UPLINK_CONNECTED:
    if (!heard)
      lose (u, "nothing came from the relay for three seconds");
    break;
  case BL_UPLINK_GATHERING:
    if (u->srtp && !heard)
      tell_silence (u);
    break;
  case BL_UPLINK_CHECKING:
    if (u->srtp && !heard)
      tell_silence (u);
    if (now > u->connect_by_us)
      fail (u, u->dtls && !u->srtp
                   ? "the relay's DTLS did not answer"
                   : "no path to the relay's media address in time");
    break;
  case BL_UPLINK_IDLE:
  case BL_UPLINK_LOST:
    break;
  }
  return G_SOURCE_CONTINUE;
}

/* --- the object
 * -------------------------------------------------------------------- */

BlUplink *
bl_uplink_new (const BlUplinkOptions *options,
               const BlUplinkCallbacks *callbacks, gpointer user_data)
{
  BlUplink *u = g_new0 (BlUplink, 1);
  u->options = *options;
  u->callbacks = callbacks;
  u->user_data = user_data;
  u->paths = bl_uplink_paths_new (&u->options, &paths_callbacks, u);
  u->dtls_timer = bl_timer_new (G_PRIORITY_DEFAULT, on_dtls_timer, u);
  u->watch = g_timeout_source_new (WATCH_MS);
  g_source_set_callback (u->watch, on_watch, u, NULL);
  g_source_attach (u->watch, g_main_context_get_thread_default ());
  return u;
}

void
bl_uplink_free (BlUplink *uplink)
{
  if (!uplink)
    return;
  if (uplink->dtls && uplink->srtp) {
    bl_dtls_close (uplink->dtls);
    drain_dtls (uplink);
  }
  bl_timer_free (uplink->dtls_timer);
  g_source_destroy (uplink->watch);
  g_source_unref (uplink->watch);
  bl_uplink_paths_free (uplink->paths);
  bl_dtls_free (uplink->dtls);
  bl_srtp_free (uplink->srtp);
  g_free (uplink);
}

gboolean
bl_uplink_gather (BlUplink *uplink, GError **error)
{
  if (!bl_uplink_paths_gather (uplink->paths, error))
    return FALSE;
  set_state (uplink, BL_UPLINK_GATHERING, "");
  return TRUE;
}

void
bl_uplink_cancel_restart (BlUplink *uplink)
{
  bl_uplink_paths_cancel (uplink->paths);
  if (uplink->srtp && is_heard (uplink, bl_clock_now ()))
    set_state (uplink, BL_UPLINK_CONNECTED, "");
  else
    uplink->state = BL_UPLINK_LOST;
}

void
bl_uplink_follow_interfaces (BlUplink *uplink)
{
  bl_uplink_paths_follow_interfaces (uplink->paths);
}

const char *
bl_uplink_local_ufrag (const BlUplink *uplink)
{
  return bl_uplink_paths_ufrag (uplink->paths);
}

const char *
bl_uplink_local_pwd (const BlUplink *uplink)
{
  return bl_uplink_paths_pwd (uplink->paths);
}

const BlCandidate *
bl_uplink_local_candidates (const BlUplink *uplink, gsize *out_count)
{
  return bl_uplink_paths_candidates (uplink->paths, out_count);
}

bool
bl_uplink_is_gathered (const BlUplink *uplink)
{
  return bl_uplink_paths_is_gathered (uplink->paths);
}

void
bl_uplink_add_servers (BlUplink *uplink, const GPtrArray *servers)
{
  bl_uplink_paths_add_servers (uplink->paths, servers);
}

gboolean
bl_uplink_connect (BlUplink *uplink, const BlUplinkRemote *remote,
                   GError **error)
{
  if (!bl_uplink_paths_connect (uplink->paths, remote->ufrag, remote->pwd,
                                remote->candidates, remote->n_candidates)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "the relay's answer has no address for media that we can"
                 " use (%zu candidates): check what it advertises",
                 remote->n_candidates);
    return FALSE;
  }
  if (!uplink->dtls)
    uplink->fingerprint = *remote->fingerprint;
  uplink->connect_by_us = bl_clock_now () + BL_UPLINK_CONNECT_US;
  set_state (uplink, BL_UPLINK_CHECKING, "");
  return TRUE;
}

BlUplinkState
bl_uplink_state (const BlUplink *uplink)
{
  return uplink->state;
}

bool
bl_uplink_is_keyed (const BlUplink *uplink)
{
  return uplink->srtp && bl_dtls_state (uplink->dtls) == BL_DTLS_UP;
}

const char *
bl_uplink_interface (const BlUplink *uplink, unsigned path)
{
  return bl_uplink_paths_interface (uplink->paths, path);
}

char **
bl_uplink_networks (const BlUplink *uplink)
{
  return bl_uplink_paths_networks (uplink->paths, bl_clock_now ());
}

void
bl_uplink_mark (BlUplink *uplink, unsigned path, bool mark)
{
  bl_uplink_paths_mark (uplink->paths, path,
                        mark && bl_uplink_is_keyed (uplink));
}

void
bl_uplink_send (BlUplink *uplink, unsigned paths, guint8 *packet, gsize length,
                gsize capacity, bool rtcp)
{
  if (!uplink->srtp)
    return;
  BlSrtpStatus status
      = rtcp ? bl_srtp_protect_rtcp (uplink->srtp, packet, &length, capacity)
             : bl_srtp_protect_rtp (uplink->srtp, packet, &length, capacity);
  paths &= bl_uplink_paths_consenting (uplink->paths, bl_clock_now ());
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++) {
    if (!(paths & 1u << i))
      continue;
    if (status == BL_SRTP_OK
        && bl_uplink_paths_send (uplink->paths, i, packet, length))
      uplink->stats.packets_sent++;
    else
      uplink->stats.send_failures++;
  }
}

char *
bl_uplink_describe (const BlUplink *uplink)
{
  g_autofree char *paths = bl_uplink_paths_describe (uplink->paths);
  return g_strdup_printf ("%s, %s", paths,
                          bl_srtp_profile_name (uplink->profile));
}

BlUplinkStats
bl_uplink_stats (const BlUplink *uplink)
{
  return uplink->stats;
}
