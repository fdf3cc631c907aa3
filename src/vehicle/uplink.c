/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.uplink"
#include "vehicle/uplink.h"

#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "rtc/demux.h"
#include "vehicle/timer.h"
#include "vehicle/uplink_path.h"

#define WATCH_MS 250

/* SSRCs that the relay may report from. */
#define MAX_REMOTE_SSRCS 16

struct BlUplink {
  BlUplinkOptions options;
  const BlUplinkCallbacks *callbacks;
  gpointer user_data;

  BlUplinkState state;
  BlUplinkPath *path; /* carries packets, or did */
  BlUplinkPath *next; /* being set up; NULL: none */
  BlTime connect_by_us;
  BlTime received_at_us;
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
    bl_uplink_path_send (u->path, datagram, length);
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
  u->received_at_us = bl_clock_now ();
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

/* --- what the path tells
 * --------------------------------------------------------- */

static void
on_srtcp (BlUplink *u, guint8 *data, gsize length)
{
  if (!u->srtp
      || bl_srtp_unprotect_rtcp (u->srtp, data, &length) != BL_SRTP_OK) {
    u->stats.bad_packets++;
    return;
  }
  u->received_at_us = bl_clock_now ();
  u->silent = false;
  u->callbacks->rtcp (data, length, u->received_at_us, u->user_data);
}

static void
on_packet (guint8 *data, gsize length, gpointer user_data)
{
  BlUplink *u = user_data;
  u->stats.packets_received++;
  switch (bl_demux (data, length)) {
  case BL_DEMUX_DTLS:
    if (u->dtls)
      on_dtls_state (u, bl_dtls_receive (u->dtls, data, length));
    break;
  case BL_DEMUX_RTCP:
    on_srtcp (u, data, length);
    break;
  case BL_DEMUX_RTP:
  case BL_DEMUX_STUN:
  case BL_DEMUX_OTHER:
    u->stats.bad_packets++;
    break;
  }
}

static void
on_path_ready (BlUplinkPath *path, gpointer user_data)
{
  BlUplink *u = user_data;
  if (path == u->next) {
    bl_uplink_path_free (u->path);
    u->path = g_steal_pointer (&u->next);
  }
  if (!u->dtls)
    start_dtls (u);
  else if (u->srtp) {
    u->received_at_us = bl_clock_now ();
    set_state (u, BL_UPLINK_CONNECTED, "");
  }
}

static void
on_path_failed (BlUplinkPath *path, gpointer user_data)
{
  BlUplink *u = user_data;
  if (path == u->next || !u->next)
    lose (u, "no path to the relay's media address: is its UDP port open, and"
             " the address that it advertises right?");
}

static void
on_path_candidate (BlUplinkPath *path, const BlCandidate *candidate,
                   gpointer user_data)
{
  BlUplink *u = user_data;
  if (path == (u->next ? u->next : u->path))
    u->callbacks->candidate (candidate, u->user_data);
}

static void
on_path_gathered (BlUplinkPath *path, gpointer user_data)
{
  BlUplink *u = user_data;
  if (path == (u->next ? u->next : u->path))
    u->callbacks->gathered (u->user_data);
}

static const BlUplinkPathCallbacks path_callbacks = {
  .packet = on_packet,
  .ready = on_path_ready,
  .failed = on_path_failed,
  .candidate = on_path_candidate,
  .gathered = on_path_gathered,
};

static gboolean
on_watch (gpointer data)
{
  BlUplink *u = data;
  BlTime now = bl_clock_now ();
  bool silent = u->srtp && now - u->received_at_us > BL_UPLINK_SILENCE_US;
  if (silent && !u->silent && u->state != BL_UPLINK_CONNECTED
      && u->state != BL_UPLINK_LOST) {
    u->silent = true;
    u->callbacks->silent (u->user_data);
  }
  if (silent && u->state == BL_UPLINK_CONNECTED)
    lose (u, "nothing came from the relay for three seconds");
  else if (u->state == BL_UPLINK_CHECKING && now > u->connect_by_us)
    lose (u, u->dtls ? "the relay's DTLS did not answer"
                     : "no path to the relay's media address in time");
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
  if (uplink->dtls && uplink->srtp && uplink->path) {
    bl_dtls_close (uplink->dtls);
    drain_dtls (uplink);
  }
  bl_timer_free (uplink->dtls_timer);
  g_source_destroy (uplink->watch);
  g_source_unref (uplink->watch);
  bl_uplink_path_free (uplink->next);
  bl_uplink_path_free (uplink->path);
  bl_dtls_free (uplink->dtls);
  bl_srtp_free (uplink->srtp);
  g_free (uplink);
}

gboolean
bl_uplink_gather (BlUplink *uplink, GError **error)
{
  g_clear_pointer (&uplink->next, bl_uplink_path_free);
  BlUplinkPathOptions options = {
    .servers = uplink->options.servers,
    .interfaces = uplink->options.interfaces,
    .loopback = uplink->options.loopback,
  };
  uplink->next = bl_uplink_path_new (&options, &path_callbacks, uplink, error);
  if (!uplink->next)
    return FALSE;
  set_state (uplink, BL_UPLINK_GATHERING, "");
  return TRUE;
}

static const BlUplinkPath *
newest (const BlUplink *u)
{
  return u->next ? u->next : u->path;
}

const char *
bl_uplink_local_ufrag (const BlUplink *uplink)
{
  return bl_uplink_path_ufrag (newest (uplink));
}

const char *
bl_uplink_local_pwd (const BlUplink *uplink)
{
  return bl_uplink_path_pwd (newest (uplink));
}

const BlCandidate *
bl_uplink_local_candidates (const BlUplink *uplink, gsize *out_count)
{
  return bl_uplink_path_candidates (newest (uplink), out_count);
}

bool
bl_uplink_is_gathered (const BlUplink *uplink)
{
  return bl_uplink_path_is_gathered (newest (uplink));
}

void
bl_uplink_add_servers (BlUplink *uplink, const GPtrArray *servers)
{
  if (uplink->next)
    bl_uplink_path_add_servers (uplink->next, servers);
}

gboolean
bl_uplink_connect (BlUplink *uplink, const BlUplinkRemote *remote,
                   GError **error)
{
  if (!uplink->next
      || !bl_uplink_path_connect (uplink->next, remote->ufrag, remote->pwd,
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

void
bl_uplink_send (BlUplink *uplink, guint8 *packet, gsize length, gsize capacity,
                bool rtcp)
{
  if (!uplink->srtp || !uplink->path)
    return;
  BlSrtpStatus status
      = rtcp ? bl_srtp_protect_rtcp (uplink->srtp, packet, &length, capacity)
             : bl_srtp_protect_rtp (uplink->srtp, packet, &length, capacity);
  if (status == BL_SRTP_OK
      && bl_uplink_path_send (uplink->path, packet, length))
    uplink->stats.packets_sent++;
  else
    uplink->stats.send_failures++;
}

char *
bl_uplink_describe (const BlUplink *uplink)
{
  g_autofree char *path
      = uplink->path ? bl_uplink_path_describe (uplink->path) : NULL;
  return g_strdup_printf ("%s, %s", path ? path : "no path",
                          bl_srtp_profile_name (uplink->profile));
}

BlUplinkStats
bl_uplink_stats (const BlUplink *uplink)
{
  return uplink->stats;
}
