/* SPDX-License-Identifier: Apache-2.0
 *
 * The way out: one packet of a source, written for one viewer straight into
 * the send buffer. Header and extensions are the viewer's own, made once and
 * patched; the payload is copied once, and it is encrypted where it stands.
 *
 * Invariants (SRTP depends on them): no sequence number of an SSRC is ever
 * sent twice; what is sent again is RTX, a stream of its own (RFC 4588).
 */
#pragma once

#include "relay/session.h"
#include "relay/track.h"
#include "rtc/continuity.h"
#include "rtc/history.h"
#include "rtc/rtpext.h"
#include "rtc/rtpstats.h"

/* A header as all packets of one SSRC have it, and where it is patched. */
typedef struct {
  uint8_t bytes[BL_RTP_HEADER_BYTES + BL_RTP_EXT_MAX_BYTES];
  uint16_t length;
  BlRtpExtOffsets at;
} BlHeaderTemplate;

/* One track as one viewer gets it. */
typedef struct {
  BlNegotiatedTrack setup; /* present: false if the viewer doesn't get it */
  uint64_t cursor;         /* the next arrival of the source's track to send */
  BlViewerLine line;
  BlRtpSenderStats sender;
  BlHeaderTemplate media;
  BlHeaderTemplate rtx;
  uint16_t rtx_seq; /* the next */
} BlOutTrack;

/* `setup` is copied; numbers start at random. */
void bl_out_track_init (BlOutTrack *track, const BlNegotiatedTrack *setup,
                        BlTrackKind kind);

/* When it was captured; where nothing tells, when it arrived: too young by the
 * way here, like all times of a publisher whose clock can't be measured. */
BlNtp bl_fanout_reference_time (const BlLoop *loop,
                                const BlHistoryEntry *entry);

typedef enum {
  BL_FANOUT_SENT,
  BL_FANOUT_PASSED_OVER, /* empty, or it has no number for this viewer */
  BL_FANOUT_BLOCKED,     /* the socket is full: nothing has changed */
} BlFanoutResult;

/* Sends an entry of the source's history over the session that is open (see
 * bl_session_open()). `transport_seq` is the viewer's next and goes up if it
 * was used. */
BlFanoutResult bl_fanout_packet (BlSession *session, BlOutTrack *track,
                                 const BlHistoryEntry *entry,
                                 uint16_t *transport_seq);

/* Sends it again as RTX, which must have been negotiated. */
BlFanoutResult bl_fanout_repair (BlSession *session, BlOutTrack *track,
                                 const BlHistoryEntry *entry,
                                 uint16_t *transport_seq);
