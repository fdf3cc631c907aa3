/* SPDX-License-Identifier: Apache-2.0
 *
 * All that one worker thread owns, without the thread: its feeds and sessions,
 * and where each datagram and each command goes. The worker (or a test, with a
 * clock and a socket of its own) calls, in this order, for each turn:
 *
 *   bl_hub_set_time()
 *   bl_hub_add_source() … bl_hub_remove_session()      commands
 *   bl_hub_receive()                                   each datagram
 *   bl_hub_finish_turn()                               deadlines, forwarding
 *   bl_hub_note_end()
 *   sleep until bl_hub_next_deadline(), or
 *   while bl_hub_is_blocked(), until the socket has room: bl_hub_on_writable()
 *
 * A turn forwards a bounded number of packets and answers one DTLS datagram
 * (relay/handshakes.h). If there is more to do, the next deadline is past: the
 * worker looks at its socket and goes on. So nothing
 * waits for longer than a turn before it gets its share, whatever bursts
 * others send; and nothing waits in order to be sent together with what
 * comes later.
 *
 * Invariants: the feeds get one visit each in turn; what goes to one path keeps
 * its order.
 */
#pragma once

#include "relay/feed.h"

/* So many calls at a time find their memory there when they begin: three that
 * are live, and three before them that are in their grace time. */
#define BL_HUB_SOURCES_FORESEEN 6

/* What one turn forwards, at most and about: some tenths of a millisecond. */
#define BL_HUB_TURN_PACKETS 256

/* Of them, all joins together. */
#define BL_HUB_TURN_JOIN_PACKETS 64

typedef struct BlHub BlHub;

typedef struct {
  guint max_sources;
  guint max_sessions;
  BlTime connect_us;
  BlTime silence_us, publisher_silence_us;
  const BlDtlsContext *dtls; /* borrowed */
  BlTap *tap;                /* borrowed, or NULL */
  BlSendFunc send;           /* bl_udp_send(), or a test's */
  void *send_data;           /* borrowed */
  void (*emit) (void *data, const BlWorkerEvent *event);
  void *emit_data; /* borrowed */
} BlHubOptions;

/* Takes all memory for packets now; NULL if there is none. */
BlHub *bl_hub_new (const BlHubOptions *options);
/* Says goodbye to all peers. Accepts NULL. */
void bl_hub_free (BlHub *hub);

/* `ntp` is the wall clock at `now`; neither goes back. */
void bl_hub_set_time (BlHub *hub, BlTime now, BlNtp ntp);

/* Commands; see relay/worker.h. There is room: control has counted. Those that
 * name an id which is gone do nothing. */
void bl_hub_add_source (BlHub *hub, BlSourceId id, guint64 call_number,
                        bool record);
void bl_hub_remove_source (BlHub *hub, BlSourceId id);
void bl_hub_add_session (BlHub *hub, BlSessionId id, BlSourceId source,
                         const BlSessionSetup *setup);
void bl_hub_restart_ice (BlHub *hub, BlSessionId id, const char *ufrag,
                         const char *pwd);
void bl_hub_remove_session (BlHub *hub, BlSessionId id);

/* A snapshot; free it with bl_worker_stats_free(). */
BlWorkerStats *bl_hub_stats (const BlHub *hub);

/* Where packets to receive into come from. */
BlPacketPool *bl_hub_pool (BlHub *hub);
BlWorkerCounters *bl_hub_counters (BlHub *hub);

/* A datagram: its packet is borrowed and changed. */
void bl_hub_receive (BlHub *hub, const BlPath *path, BlPacket *packet);

void bl_hub_finish_turn (BlHub *hub);

/* The time at which the turn ended: counts how long what came has waited. */
void bl_hub_note_end (BlHub *hub, BlTime now);

/* The socket is full: nothing is forwarded until bl_hub_on_writable(). */
bool bl_hub_is_blocked (const BlHub *hub);
void bl_hub_on_writable (BlHub *hub);

/* When the next turn is due at the latest; past if there is work now. */
BlTime bl_hub_next_deadline (const BlHub *hub);
