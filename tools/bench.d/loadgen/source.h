/* SPDX-License-Identifier: Apache-2.0
 *
 * The one source of a load: a recorded stream, again and again, in real time,
 * with the time of each packet noted (sent.h); over a WHIP session, or as plain
 * RTP. It can't make a keyframe on request: the stream is what it is. One
 * thread.
 */
#pragma once

#include "loop.h"
#include "rtc/rtpstats.h"
#include "sent.h"
#include "session.h"
#include "stream.h"

#define LG_SOURCE_FRAME_PACKETS 512
#define LG_SOURCE_PACKET_BYTES  1500

typedef struct {
  /* For the caller to set before lg_source_open(). */
  LgLoop *loop;
  const LgStream *stream;
  unsigned fps, payload_bytes;
  int64_t pace_ns; /* a frame's packets are spread over this; 0: a burst */

  /* For the caller to read. */
  PeerSession session; /* of WHIP */
  bool plain;          /* RTP alone */
  LgSent *sent;
  uint64_t bytes; /* of payload */
  uint64_t plis, nacks;
  int64_t late_max_ns; /* a frame after its time */

  /* Its own. */
  LgSocket socket;
  BlAddress to; /* of plain RTP */
  bool running;
  int64_t started_ns; /* CLOCK_MONOTONIC */
  uint64_t n_frames;
  uint16_t seq;
  uint32_t timestamp_at_0;
  BlRtpSenderStats stats;
  BlTime report_us;
  unsigned n_packets, n_left; /* of the frame that is being sent */
  size_t lengths[LG_SOURCE_FRAME_PACKETS];
  LgSentPacket notes[LG_SOURCE_FRAME_PACKETS];
  uint8_t packets[LG_SOURCE_FRAME_PACKETS][LG_SOURCE_PACKET_BYTES];
} LgSource;

/* A WHIP session's offer (free it), and what comes of the answer. */
char *lg_source_offer (LgSource *source, const BlCert *cert,
                       const BlDtlsContext *context);
bool lg_source_answer (LgSource *source, const char *answer, GError **error);

/* Sends plain RTP to `to` from now on. */
bool lg_source_start_plain (LgSource *source, const BlAddress *to,
                            GError **error);

/* About every 10 ms; the first one with keys starts the stream. */
void lg_source_on_time (LgSource *source, BlTime now);

static inline uint64_t
lg_source_frames (const LgSource *source)
{
  return source->n_frames;
}

void lg_source_clear (LgSource *source);
