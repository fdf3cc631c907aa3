/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.calls"
#include "base/clock.h"
#include "base/log.h"
#include "relay/registry_private.h"

/* Counters start anew when a source does; a step back counts as nothing. */
static double
grown (guint64 now, guint64 before)
{
  return now > before ? (double)(now - before) : 0;
}

static void
take_source_stats (BlLiveCall *call, const BlSourceStats *stats, BlTime at_us)
{
  BlLiveRates rates = { 0 };
  double seconds = (double)(at_us - call->stats_at_us) / BL_SECOND;

  if (call->has_stats && seconds > 0.1) {
    const BlTrackStats *now = stats->tracks;
    const BlTrackStats *then = call->stats.tracks;
    double bytes = 0, packets = 0, lost = 0;
    for (guint i = 0; i < BL_N_TRACKS; i++) {
      bytes += grown (now[i].bytes, then[i].bytes);
      packets += grown (now[i].packets, then[i].packets);
      lost += grown (now[i].lost, then[i].lost);
      rates.flows[i] = now[i].packets > then[i].packets;
    }
    rates.known = TRUE;
    rates.bitrate_bps = (guint32)(bytes * 8 / seconds);
    rates.fps = grown (now[BL_TRACK_VIDEO].frames, then[BL_TRACK_VIDEO].frames)
                / seconds;
    rates.loss = packets + lost > 0 ? lost / (packets + lost) : 0;
    call->rates = rates;
  }
  call->stats = *stats;
  call->stats_at_us = at_us;
  call->has_stats = TRUE;
}

void
bl_registry_on_stats (BlRegistry *registry, BlWorker *worker,
                      const BlWorkerStats *stats)
{
  guint index = bl_worker_index (worker);
  BlWorkerStats *kept = &registry->worker_stats[index];

  *kept = *stats;
  kept->sources = NULL;
  kept->viewers = NULL;
  registry->has_worker_stats[index] = TRUE;
  for (guint i = 0; i < stats->n_sources; i++) {
    const BlSourceStats *source = &stats->sources[i];
    BlLiveCall *call = g_hash_table_lookup (registry->sources, &source->source);
    if (call)
      take_source_stats (call, source, stats->at_us);
  }
  for (guint i = 0; i < stats->n_viewers; i++) {
    const BlViewerStats *viewer = &stats->viewers[i];
    BlPeer *peer = g_hash_table_lookup (registry->sessions, &viewer->session);
    if (peer)
      peer->pictures = viewer->pictures;
  }
}

const BlWorkerStats *
bl_registry_worker_stats (BlRegistry *registry, guint index)
{
  g_assert (index < BL_OPTIONS_MAX_WORKERS);
  return registry->has_worker_stats[index] ? &registry->worker_stats[index]
                                           : NULL;
}

/* ---- events ---- */

static void
on_connected (BlRegistry *registry, BlPeer *peer)
{
  BlLiveCall *call = peer->call;

  peer->connected = TRUE;
  bl_info ("call %s: %s connected as %s", call->id, peer->name,
           peer->role == BL_SESSION_PUBLISHER ? "publisher" : "viewer");
  if (peer->role != BL_SESSION_PUBLISHER) {
    /* A vehicle's may yet be the way of another of its networks. */
    if (peer->gate)
      bl_gate_settle (peer->gate);
    return;
  }
  call->gone_since_us = 0;
  for (guint i = call->publishers->len; i > 0; i--) {
    BlPeer *other = g_ptr_array_index (call->publishers, i - 1);
    if (other != peer)
      bl_registry_drop_peer (registry, other, "replaced by a newer session");
  }
}

static void
on_source (BlLiveCall *call, const BlWorkerEvent *event)
{
  switch (event->kind) {
  case BL_WORKER_SOURCE_STARTED:
    call->media_live = call->had_media = TRUE;
    bl_info ("call %s: media flows", call->id);
    break;
  case BL_WORKER_SOURCE_STOPPED:
    call->media_live = FALSE;
    bl_info ("call %s: media stopped", call->id);
    break;
  case BL_WORKER_SOURCE_FORMAT:
    call->profile_level_id = event->profile_level_id;
    call->width = event->width;
    call->height = event->height;
    bl_info ("call %s: picture of %ux%u, profile %06x", call->id, event->width,
             event->height, event->profile_level_id);
    break;
  default:
    break;
  }
}

void
bl_registry_on_worker (BlWorker *worker, const BlWorkerEvent *event,
                       gpointer user_data)
{
  BlRegistry *registry = user_data;

  if (event->kind == BL_WORKER_STATS) {
    bl_registry_on_stats (registry, worker, event->stats);
    return;
  }
  if (event->session == 0) {
    BlLiveCall *call = g_hash_table_lookup (registry->sources, &event->source);
    if (call)
      on_source (call, event);
    return;
  }
  BlPeer *peer = g_hash_table_lookup (registry->sessions, &event->session);
  if (!peer)
    return;
  if (event->kind == BL_WORKER_SESSION_CONNECTED)
    on_connected (registry, peer);
  else if (event->kind == BL_WORKER_SESSION_LOST)
    bl_registry_drop_peer (registry, peer, bl_lost_reason_name (event->reason));
  else if (event->kind == BL_WORKER_SESSION_CLOSED) {
    bl_registry_note_gone (registry, peer);
    bl_registry_drop_peer (registry, peer, "the other end said goodbye");
  }
}

static BlLiveCall *
find_recording (BlRegistry *registry, gint64 recording)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, registry->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BlLiveCall *call = value;
    if (call->recording == recording)
      return call;
  }
  return NULL;
}

void
bl_registry_on_recorder (const BlRecorderEvent *event, gpointer user_data)
{
  BlLiveCall *call = find_recording (user_data, event->recording);
  const char *message = event->message ? event->message : "";
  gboolean bad
      = event->kind == BL_RECORDER_FULL || event->kind == BL_RECORDER_FAILED;

  if (bad)
    bl_error ("recording %" G_GINT64_FORMAT " stands still: %s",
              event->recording, message);
  else if (event->kind == BL_RECORDER_RESUMED)
    bl_info ("recording %" G_GINT64_FORMAT " goes on", event->recording);
  if (!call || event->kind == BL_RECORDER_ENDED)
    return;
  call->recording_ok = !bad;
  g_free (call->recording_message);
  call->recording_message = bad ? g_strdup (message) : NULL;
}
