/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.hub"
#include "relay/hub.h"

#include "base/log.h"
#include "rtc/demux.h"
#include "rtc/stun.h"

/* A session's own timer, its reports and its join. */
#define TIMERS_PER_SESSION 3

/* Current and former ICE credentials. */
#define UFRAGS_PER_SESSION 2

/* What all histories of a source hold, and what is in nobody's. */
#define PACKETS_PER_SOURCE (BL_TRACK_VIDEO_HISTORY + BL_TRACK_AUDIO_HISTORY)
#define PACKETS_BESIDE     (BL_HANDSHAKES_MAX + BL_UDP_BATCH)

struct BlHub {
  BlLoop loop;
  BlPacketPool *pool;
  BlTap *tap;
  GHashTable *sessions; /* BlSessionId → BlSession; owned by their feeds */
  guint n_feeds;
  guint max_feeds;
  BlFeed **feeds; /* few: found by walking */
  guint turn;     /* whose turn it is among the feeds */

  /* What has arrived since all was sent, and when the first of it did. */
  guint64 n_queued;
  BlTime queued_since;
};

static void
warm (BlPacketPool *pool, guint n_sources)
{
  bl_packet_pool_warm (pool, n_sources * PACKETS_PER_SOURCE + PACKETS_BESIDE);
}

BlHub *
bl_hub_new (const BlHubOptions *options)
{
  BlPacketPool *pool = bl_packet_pool_new (
      options->max_sources * PACKETS_PER_SOURCE + PACKETS_BESIDE);
  if (!pool)
    return NULL;
  warm (pool, MIN (options->max_sources, BL_HUB_SOURCES_FORESEEN));

  BlHub *hub = g_new0 (BlHub, 1);
  BlLoop *loop = &hub->loop;
  guint max_sessions = options->max_sessions;
  hub->pool = pool;
  hub->tap = options->tap;
  hub->sessions = g_hash_table_new (g_int64_hash, g_int64_equal);
  hub->max_feeds = options->max_sources;
  hub->feeds = g_new0 (BlFeed *, options->max_sources);
  bl_timers_init (&loop->timers,
                  max_sessions * TIMERS_PER_SESSION + options->max_sources);
  bl_sender_init (&loop->sender, options->send, options->send_data,
                  &loop->counters);
  loop->mux = bl_mux_new (max_sessions * UFRAGS_PER_SESSION,
                          max_sessions * BL_PATHS_MAX);
  loop->connect_us = options->connect_us;
  loop->silence_us = options->silence_us;
  loop->publisher_silence_us = options->publisher_silence_us;
  loop->dtls = options->dtls;
  loop->emit = options->emit;
  loop->emit_data = options->emit_data;
  return hub;
}

void
bl_hub_free (BlHub *hub)
{
  if (!hub)
    return;
  for (guint i = 0; i < hub->n_feeds; i++)
    bl_feed_free (hub->feeds[i]);
  bl_handshakes_clear (&hub->loop.handshakes);
  bl_sender_flush (&hub->loop.sender);
  bl_sender_clear (&hub->loop.sender);
  bl_timers_clear (&hub->loop.timers);
  bl_mux_free (hub->loop.mux);
  g_hash_table_unref (hub->sessions);
  g_free (hub->feeds);
  bl_packet_pool_free (hub->pool);
  g_free (hub);
}

void
bl_hub_set_time (BlHub *hub, BlTime now, BlNtp ntp)
{
  hub->loop.now = now;
  hub->loop.ntp = ntp;
}

/* ---- commands ---- */

/* Its place among the feeds, or n_feeds. */
static guint
find_feed (const BlHub *hub, BlSourceId id)
{
  guint i = 0;
  while (i < hub->n_feeds && hub->feeds[i]->id != id)
    i++;
  return i;
}

void
bl_hub_add_source (BlHub *hub, BlSourceId id, guint64 call_number, bool record)
{
  g_assert (hub->n_feeds < hub->max_feeds);
  BlFeed *feed
      = bl_feed_new (&hub->loop, id, record ? hub->tap : NULL, call_number);
  if (!feed)
    g_error ("no memory for the packets of another source");
  hub->feeds[hub->n_feeds++] = feed;
  /* The memory of a call is taken when it begins, or is that of one that has
   * ended. */
  warm (hub->pool, hub->n_feeds);
}

static gboolean
is_of_source (gpointer key, gpointer value, gpointer source)
{
  return ((BlSession *)value)->source == *(BlSourceId *)source;
}

void
bl_hub_remove_source (BlHub *hub, BlSourceId id)
{
  guint at = find_feed (hub, id);
  if (at == hub->n_feeds)
    return;
  g_hash_table_foreach_remove (hub->sessions, is_of_source, &id);
  bl_feed_free (hub->feeds[at]);
  hub->feeds[at] = hub->feeds[--hub->n_feeds];
}

void
bl_hub_add_session (BlHub *hub, BlSessionId id, BlSourceId source,
                    const BlSessionSetup *setup)
{
  guint at = find_feed (hub, source);
  if (at == hub->n_feeds)
    return;
  BlFeed *feed = hub->feeds[at];
  BlSession *session = setup->role == BL_SESSION_PUBLISHER
                           ? bl_feed_add_publisher (feed, id, setup)
                           : bl_feed_add_viewer (feed, id, setup);
  g_hash_table_insert (hub->sessions, &session->id, session);
}

void
bl_hub_restart_ice (BlHub *hub, BlSessionId id, const char *ufrag,
                    const char *pwd)
{
  BlSession *session = g_hash_table_lookup (hub->sessions, &id);
  if (session)
    bl_session_restart_ice (session, ufrag, pwd);
}

void
bl_hub_remove_session (BlHub *hub, BlSessionId id)
{
  BlSession *session = g_hash_table_lookup (hub->sessions, &id);
  if (!session)
    return;
  g_hash_table_remove (hub->sessions, &id);
  bl_feed_remove_session (hub->feeds[find_feed (hub, session->source)],
                          session);
}

BlWorkerStats *
bl_hub_stats (const BlHub *hub)
{
  BlWorkerStats *stats = g_new0 (BlWorkerStats, 1);
  stats->at_us = hub->loop.now;
  stats->counters = hub->loop.counters;
  stats->n_sources = hub->n_feeds;
  stats->sources = g_new0 (BlSourceStats, hub->n_feeds);
  stats->viewers = g_new0 (BlViewerStats, g_hash_table_size (hub->sessions));
  for (guint i = 0; i < hub->n_feeds; i++) {
    const BlFeed *feed = hub->feeds[i];
    bl_feed_stats (feed, &stats->sources[i]);
    for (guint v = 0; v < feed->viewers->len; v++)
      bl_viewer_stats (g_ptr_array_index (feed->viewers, v),
                       &stats->viewers[stats->n_viewers++]);
  }
  return stats;
}

BlPacketPool *
bl_hub_pool (BlHub *hub)
{
  return hub->pool;
}

BlWorkerCounters *
bl_hub_counters (BlHub *hub)
{
  return &hub->loop.counters;
}

/* ---- a turn ---- */

static BlSession *
find_session (const BlHub *hub, BlDemuxKind kind, const BlPath *path,
              const BlPacket *packet, BlDrop *out_drop)
{
  const char *ufrag;
  size_t length;
  if (kind != BL_DEMUX_STUN) {
    *out_drop = BL_DROP_UNKNOWN_ADDRESS;
    return bl_mux_by_address (hub->loop.mux, &path->peer);
  }
  *out_drop = BL_DROP_STUN;
  if (!bl_stun_peek_ufrag (packet->data, packet->length, &ufrag, &length))
    return NULL;
  return bl_mux_by_ufrag (hub->loop.mux, ufrag, length);
}

void
bl_hub_receive (BlHub *hub, const BlPath *path, BlPacket *packet)
{
  BlDemuxKind kind = bl_demux (packet->data, packet->length);
  BlDrop drop;

  hub->loop.counters.packets_in++;
  hub->loop.counters.bytes_in += packet->length;
  packet->received_us = hub->loop.now;
  if (kind == BL_DEMUX_OTHER) {
    bl_loop_drop (&hub->loop, BL_DROP_GARBAGE);
    return;
  }
  BlSession *session = find_session (hub, kind, path, packet, &drop);
  if (!session) {
    bl_loop_drop (&hub->loop, drop);
    return;
  }
  bl_session_receive (session, kind, path, packet);
}

static void
pass_on_recorder_wishes (BlHub *hub)
{
  uint64_t recording;
  while (hub->tap && bl_tap_next_keyframe_wanted (hub->tap, &recording))
    for (guint i = 0; i < hub->n_feeds; i++)
      if (hub->feeds[i]->tap && hub->feeds[i]->recording == recording)
        bl_feed_want_keyframe (hub->feeds[i]);
}

static void
take_in (BlHub *hub)
{
  for (guint i = 0; i < hub->n_feeds; i++) {
    if (!hub->feeds[i]->dirty)
      continue;
    if (hub->n_queued == 0)
      hub->queued_since = hub->loop.now;
    hub->n_queued += bl_feed_take_in (hub->feeds[i]);
  }
}

static bool
is_busy (const BlHub *hub)
{
  for (guint i = 0; i < hub->n_feeds; i++)
    if (bl_feed_is_busy (hub->feeds[i]))
      return true;
  return false;
}

/* One visit to a viewer of each feed after the other, until nothing is left or
 * the turn's share is used up. A visit that finds nothing costs, too. */
static void
forward (BlHub *hub)
{
  guint idle = 0;
  for (unsigned left = BL_HUB_TURN_PACKETS; left > 0 && idle < hub->n_feeds;) {
    if (bl_sender_blocked (&hub->loop.sender))
      return;
    BlFeed *feed = hub->feeds[hub->turn++ % hub->n_feeds];
    if (!bl_feed_is_busy (feed)) {
      idle++;
      continue;
    }
    unsigned n = bl_feed_serve (feed);
    left -= CLAMP (n, 1, left);
    idle = 0;
  }
}

/* One of those that wait; what has been forwarded is on its way before. */
static void
shake_hands (BlHub *hub)
{
  BlLoop *loop = &hub->loop;
  BlHandshake next;
  if (loop->handshakes.count == 0)
    return;
  bl_sender_flush (&loop->sender);
  if (bl_hub_is_blocked (hub) || !bl_handshakes_pop (&loop->handshakes, &next))
    return;
  BlSession *session = g_hash_table_lookup (hub->sessions, &next.session);
  if (session)
    bl_session_shake_hands (session, next.packet);
  bl_packet_unref (&next.packet);
}

void
bl_hub_finish_turn (BlHub *hub)
{
  BlLoop *loop = &hub->loop;
  take_in (hub);
  forward (hub);
  shake_hands (hub);
  pass_on_recorder_wishes (hub);
  loop->join_packets_left = BL_HUB_TURN_JOIN_PACKETS;
  bl_timers_run (&loop->timers, loop->now);
  bl_sender_flush (&loop->sender);
}

void
bl_hub_note_end (BlHub *hub, BlTime now)
{
  if (hub->n_queued == 0
      || (is_busy (hub) && !bl_sender_blocked (&hub->loop.sender)))
    return;
  bl_histogram_add_many (&hub->loop.counters.queue_us, now - hub->queued_since,
                         hub->n_queued);
  hub->n_queued = 0;
}

bool
bl_hub_is_blocked (const BlHub *hub)
{
  return bl_sender_blocked (&hub->loop.sender);
}

void
bl_hub_on_writable (BlHub *hub)
{
  bl_sender_resume (&hub->loop.sender);
}

BlTime
bl_hub_next_deadline (const BlHub *hub)
{
  if ((is_busy (hub) || hub->loop.handshakes.count > 0)
      && !bl_hub_is_blocked (hub))
    return hub->loop.now;
  return bl_timers_next (&hub->loop.timers);
}
