/* SPDX-License-Identifier: Apache-2.0
 *
 * One track (video or audio) of a source, on its way in: from a publisher's RTP
 * packets to a history of the source's own continuous numbers and times.
 *
 * Sans I/O: packets and times come in as arguments.
 *
 * Invariants:
 * - What is in the history has numbers of the source's line; they go on over
 *   publishers (rtc/continuity.h). NACK and reports work on the publisher's
 *   own numbers.
 * - Redundancy of sound (RFC 2198) ends here: what was missing is in the
 * history as itself, from the packet that brought it.
 * - An entry without payload was a probe of the path. It has its number, so
 * that no receiver takes it for a loss, but is not passed on.
 * - What forward error correction brings back enters as if it had come, and
 *   nothing is done for it while nothing is missing. A publisher whose repair
 *   packets cost too much has its equations forgotten.
 * - Video of a publisher enters from its first SPS or IDR on: nobody is shown
 *   pictures that refer to pictures of another encoder.
 */
#pragma once

#include "base/bucket.h"
#include "relay/stats.h"
#include "rtc/clockmap.h"
#include "rtc/continuity.h"
#include "rtc/fec_decoder.h"
#include "rtc/h264.h"
#include "rtc/history.h"
#include "rtc/nack.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "rtc/rtpstats.h"
#include "rtc/seq.h"
#include "signal/negotiated.h"

/* Powers of two. Video: some 7 s at 2.5 Mb/s. Audio: 5 s at 20 ms. */
#define BL_TRACK_VIDEO_HISTORY 2048
#define BL_TRACK_AUDIO_HISTORY 256

/* What forward error correction may cost, in steps (rtc/fec_decoder.h): seven
 * times of what an honest publisher at 6 Mb/s makes it cost when 30 % are lost
 * (docs/adr/0010). */
#define BL_TRACK_FEC_STEPS_PER_SECOND 40000
#define BL_TRACK_FEC_STEPS_BURST      10000

/* RTP timestamp units a second: of H.264 and of Opus. */
uint32_t bl_track_clock_hz (BlTrackKind kind);

/* Results of bl_track_receive() besides a BlDrop: it is in the history; or it
 * was of use, or could have been, to bring back others. */
#define BL_TRACK_TAKEN  BL_N_DROPS
#define BL_TRACK_REPAIR (BL_N_DROPS + 1)

typedef struct {
  BlTrackKind kind;
  BlNegotiatedTrack setup; /* the present publisher's; present or not */

  /* The publisher's own numbers; start afresh with each SSRC. */
  bool ssrc_known, rtx_ssrc_known;
  uint32_t ssrc, rtx_ssrc;
  BlFecDecoder *fec; /* owned; NULL: no publisher had any */
  BlBucket steps;    /* that it may still cost */
  BlSeqUnwrapper seqs;
  BlNack nack;
  BlRtpReceiverStats receiver;
  BlClockMap clock; /* publisher's RTP time to publisher's wall clock */
  bool has_sr;      /* of the last sender report, believed or not: */
  uint32_t sr_timestamp;
  BlNtp sr_ntp;
  bool waits_for_key;

  /* The source's. */
  BlSourceLine line;
  BlHistory history;
  BlH264Sps sps;       /* the last one seen; profile_idc 0: none */
  bool new_sps;        /* it differs from the one before; the owner clears it */
  BlTime newest_at_us; /* arrival of the last packet taken; NEVER: none */
  BlNtp newest_capture;   /* 0: nothing tells */
  uint32_t key_timestamp; /* of the last IDR, on the source's line */
  bool key_seen;
  uint64_t lost_before, recovered_before; /* of earlier SSRCs */
  uint64_t restored; /* from redundancy, and never asked for */
  BlTrackStats stats;
} BlTrack;

/* Takes the history's memory; false if there is none. */
bool bl_track_init (BlTrack *track, BlTrackKind kind);
/* Gives all packets back. */
void bl_track_clear (BlTrack *track);

/* A new publisher with this setup, or none (NULL). Takes memory for forward
 * error correction with the first that has it. */
void bl_track_set_publisher (BlTrack *track, const BlNegotiatedTrack *setup);

/* Is this packet the track's, or its retransmission? By SSRC first, then by
 * mid, then by payload type (RFC 9143 section 9.2). */
bool bl_track_owns_ssrc (const BlTrack *track, uint32_t ssrc);
bool bl_track_owns_mid (const BlTrack *track, const BlRtpExtValues *ext);
bool bl_track_owns_pt (const BlTrack *track, uint8_t payload_type);

/* Takes a packet of this track, decrypted and parsed (`rtp` points into
 * `packet`), with a reference of its own. `now` is its arrival, `ntp` the same
 * instant on our wall clock; `offset` takes and gives the publisher's clock.
 * BL_TRACK_TAKEN if it, or what it had with it, is in the history; or the
 * reason why it was dropped (BlDrop). */
unsigned bl_track_receive (BlTrack *track, BlPacket *packet, const BlRtp *rtp,
                           const BlRtpExtValues *ext, BlClockOffset *offset,
                           BlTime now, BlNtp ntp);

/* Takes what forward error correction has brought back, in packets of `pool`:
 * after each bl_track_receive(). What finds none there is lost. */
void bl_track_take_recovered (BlTrack *track, BlPacketPool *pool,
                              const BlClockOffset *offset, BlTime now);

/* A sender report of the publisher about this track. Whether it is believed is
 * decided here: webrtcbin of GStreamer 1.22 writes RTP times that run at twice
 * their rate, and a picture dated by them would grow old while we watch. */
void bl_track_on_sr (BlTrack *track, const BlRtcpSenderInfo *info, BlTime now);

/* The relay's wall clock at which the source's `timestamp` was captured; false
 * if nothing tells. */
bool bl_track_capture (const BlTrack *track, const BlClockOffset *offset,
                       uint32_t publisher_timestamp, BlTime now,
                       BlNtp *out_capture);

/* A snapshot at `now`. */
void bl_track_stats (const BlTrack *track, BlTime now, BlTrackStats *out_stats);
