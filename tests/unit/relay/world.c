/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <check.h>
#include <string.h>

#include "base/clock.h"

World world;

BlNtp
world_wall_clock (void)
{
  return bl_ntp_from_unix_us (1800000000 * BL_SECOND + world.now);
}

static void
peer_sends (void *data, Peer *peer, const uint8_t *bytes, size_t length)
{
  world_send (peer, bytes, length);
}

static void
send_from (uint16_t port, const uint8_t *bytes, size_t length)
{
  Datagram *d = g_new0 (Datagram, 1);
  ck_assert (bl_address_parse ("192.0.2.1", port, &d->path.peer));
  d->length = length;
  memcpy (d->bytes, bytes, length);
  g_queue_push_tail (&world.to_hub, d);
}

void
world_send (Peer *peer, const uint8_t *bytes, size_t length)
{
  unsigned i = 0;
  while (world.peers[i] != peer)
    i++;
  if (i > 0 || world.ways & 1)
    send_from (world.ports[i], bytes, length);
  if (i == 0 && world.ways & 2)
    send_from (world.second_port, bytes, length);
}

static void
watch (bool relay_is_at_work)
{
  if (world.watch)
    world.watch (relay_is_at_work);
}

static BlUdpSent
hub_sends (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes)
{
  if (world.full)
    return (BlUdpSent){ .status = BL_UDP_FULL, .whole = true, .calls = 1 };
  watch (false);
  for (size_t at = 0; at < length; at += segment_bytes) {
    Datagram *d = g_new0 (Datagram, 1);
    d->path = *path;
    d->length = MIN (segment_bytes, length - at);
    memcpy (d->bytes, bytes + at, d->length);
    g_queue_push_tail (&world.to_peers, d);
  }
  watch (true);
  return (BlUdpSent){
    .status = BL_UDP_SENT, .whole = true, .calls = 1, .bytes = length
  };
}

static void
note_event (void *data, const BlWorkerEvent *event)
{
  ck_assert_uint_lt (world.n_events, WORLD_MAX_EVENTS);
  world.events[world.n_events++] = *event;
}

unsigned
world_count_events (BlWorkerEventKind kind, BlSessionId session)
{
  unsigned n = 0;
  for (unsigned i = 0; i < world.n_events; i++)
    n += world.events[i].kind == kind && world.events[i].session == session;
  return n;
}

static void
deliver (const Datagram *d)
{
  uint16_t port = bl_address_port (&d->path.peer);
  for (unsigned i = 0; i < world.n_peers; i++) {
    bool second = i == 0 && world.second_port && port == world.second_port;
    if (!second && port != world.ports[i])
      continue;
    world.peers[i]->way = second;
    if (i > 0 || world.ways >> second & 1)
      peer_receive (world.peers[i], d->bytes, d->length);
  }
}

void
world_turn (void)
{
  Datagram *d;
  bl_hub_set_time (world.hub, world.now, world_wall_clock ());
  if (!world.full)
    bl_hub_on_writable (world.hub);
  for (unsigned n = 0;
       n < BL_UDP_BATCH && (d = g_queue_pop_head (&world.to_hub)); n++) {
    BlPacket *packet = bl_packet_new (bl_hub_pool (world.hub));
    ck_assert (packet);
    packet->length = (uint16_t)d->length;
    memcpy (packet->data, d->bytes, d->length);
    watch (true);
    bl_hub_receive (world.hub, &d->path, packet);
    watch (false);
    bl_packet_unref (&packet);
    g_free (d);
  }
  watch (true);
  bl_hub_finish_turn (world.hub);
  bl_hub_note_end (world.hub, world.now);
  watch (false);
  while ((d = g_queue_pop_head (&world.to_peers))) {
    deliver (d);
    g_free (d);
  }
}

void
world_settle (void)
{
  do
    world_turn ();
  while (!g_queue_is_empty (&world.to_hub)
         || bl_hub_next_deadline (world.hub) <= world.now);
}

void
world_advance (BlTime us)
{
  BlTime end = world.now + us;
  while (world.now < end) {
    BlTime due = bl_hub_next_deadline (world.hub);
    world.now = CLAMP (due, world.now + 1, end);
    world_settle ();
  }
}

Peer *
world_new_peer (BlSessionRole role, unsigned id)
{
  Peer *peer = peer_new (role, id, world.cert, peer_sends, NULL);
  ck_assert_uint_lt (world.n_peers, WORLD_MAX_PEERS);
  world.ports[world.n_peers] = (uint16_t)(1000 + id);
  world.peers[world.n_peers++] = peer;
  return peer;
}

Peer *
world_add_peer (BlSessionRole role, BlSessionId id)
{
  Peer *peer = world_new_peer (role, (unsigned)id);
  BlSessionSetup setup = peer_setup (peer);
  bl_hub_add_session (world.hub, id, WORLD_SOURCE, &setup);
  return peer;
}

void
world_connect (Peer *peer)
{
  peer_check (peer, true);
  world_settle ();
  peer_start_dtls (peer);
  for (int i = 0; i < 100 && !peer_is_up (peer); i++)
    world_settle ();
  ck_assert (peer_is_up (peer));
}

Peer *
world_join (BlSessionRole role, BlSessionId id)
{
  Peer *peer = world_add_peer (role, id);
  world_connect (peer);
  return peer;
}

void
world_send_pictures (Peer *publisher, unsigned n, unsigned n_packets)
{
  for (unsigned i = 0; i < n; i++) {
    peer_send_picture (publisher, i == 0, n_packets);
    world_settle ();
    world_advance (33333);
  }
}

void
world_set_up (void)
{
  memset (&world, 0, sizeof world);
  world.now = 1000 * BL_SECOND;
  world.ways = 1;
  world.cert
      = bl_cert_new_self_signed ("relay", bl_clock_unix_us () / 1000000, NULL);
  world.dtls = bl_dtls_context_new (world.cert, NULL);
  world.tap = bl_tap_new (1 << 20);
  BlHubOptions options = { .max_sources = 2,
                           .max_sessions = 16,
                           .connect_us = 30 * BL_SECOND,
                           .silence_us = 10 * BL_SECOND,
                           .publisher_silence_us = 100 * BL_SECOND,
                           .dtls = world.dtls,
                           .tap = world.tap,
                           .send = hub_sends,
                           .emit = note_event };
  world.hub = bl_hub_new (&options);
  ck_assert (world.hub);
  bl_hub_set_time (world.hub, world.now, world_wall_clock ());
  bl_hub_add_source (world.hub, WORLD_SOURCE, WORLD_RECORDING, true);
}

void
world_tear_down (void)
{
  bl_hub_free (world.hub);
  g_queue_clear_full (&world.to_hub, g_free);
  g_queue_clear_full (&world.to_peers, g_free);
  for (unsigned i = 0; i < world.n_peers; i++)
    peer_free (world.peers[i]);
  bl_tap_free (world.tap);
  bl_dtls_context_free (world.dtls);
  bl_cert_free (world.cert);
}

uint64_t
world_dropped (BlDrop reason)
{
  return bl_hub_counters (world.hub)->drops[reason];
}

unsigned
world_assert_whole (const Peer *viewer)
{
  static bool seen[65536];
  unsigned n = 0;
  uint16_t first = 0, low;
  memset (seen, 0, sizeof seen);
  for (unsigned i = 0; i < viewer->n_rtp; i++) {
    const PeerRtp *rtp = &viewer->rtp[i];
    if (rtp->payload_type == PT_AUDIO)
      continue;
    uint16_t seq = rtp->payload_type == PT_RTX ? rtp->original_seq : rtp->seq;
    if (n == 0)
      first = seq;
    ck_assert_msg (!seen[seq], "%u came twice", seq);
    seen[seq] = true;
    n++;
  }
  low = first;
  for (unsigned i = 0; i < n; i++)
    ck_assert_msg (seen[(uint16_t)(low + i)], "%u is missing",
                   (uint16_t)(low + i));
  return n;
}
