/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole worker without its thread, for tests: publishers and viewers on a
 * network that is two queues, in a time that moves only when a test says so.
 */
#pragma once

#include "peer.h"
#include "relay/hub.h"

#define WORLD_MAX_PEERS  8
#define WORLD_MAX_EVENTS 64
#define WORLD_SOURCE     7
#define WORLD_RECORDING  99

typedef struct {
  BlPath path;
  size_t length;
  uint8_t bytes[2048];
} Datagram;

typedef struct {
  BlHub *hub;
  BlCert *cert;
  BlDtlsContext *dtls;
  BlTap *tap;
  BlTime now;
  GQueue to_hub, to_peers; /* of Datagram */
  unsigned n_peers;
  Peer *peers[WORLD_MAX_PEERS];
  uint16_t ports[WORLD_MAX_PEERS]; /* where each peer is now */
  /* The first peer may have another way to the relay, from this port on; a bit
   * for each of the two that works. */
  uint16_t second_port;
  unsigned ways;
  bool full; /* the socket takes nothing */
  /* Around what the relay itself does, for a test that counts. */
  void (*watch) (bool relay_is_at_work);
  unsigned n_events;
  BlWorkerEvent events[WORLD_MAX_EVENTS];
} World;

extern World world;

/* A hub with one recorded source, and nobody there. For a checked fixture. */
void world_set_up (void);
void world_tear_down (void);

BlNtp world_wall_clock (void);

/* One turn: at most a batch of what is on its way arrives. */
void world_turn (void);
/* Turns, until nothing is on its way and none is due. */
void world_settle (void);
/* Time passes, deadline by deadline. */
void world_advance (BlTime us);

/* A datagram from where `peer` is. */
void world_send (Peer *peer, const uint8_t *bytes, size_t length);

/* At port 1000 + id, and unknown to the hub. */
Peer *world_new_peer (BlSessionRole role, unsigned id);
/* Its session is known to the hub, but nothing has been sent. */
Peer *world_add_peer (BlSessionRole role, BlSessionId id);
void world_connect (Peer *peer);
/* Both. */
Peer *world_join (BlSessionRole role, BlSessionId id);

/* Pictures at 30 a second, the first of them an IDR. */
void world_send_pictures (Peer *publisher, unsigned n, unsigned n_packets);

unsigned world_count_events (BlWorkerEventKind kind, BlSessionId session);
uint64_t world_dropped (BlDrop reason);

/* The viewer's video, RTX put back: sequence numbers without a gap or a double,
 * from the first. Returns how many. */
unsigned world_assert_whole (const Peer *viewer);
