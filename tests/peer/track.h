/* SPDX-License-Identifier: Apache-2.0
 *
 * What a viewer gets of one track, judged and not decoded: packets are put in
 * order, missing ones waited for, and pictures counted once they are whole.
 * Time is an argument; no I/O. One thread.
 *
 * Invariant: each number from the first on is either delivered in order, or
 * counted as lost after PEER_TRACK_WAIT_US.
 */
#pragma once

#include "rtc/nack.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "rtc/rtpstats.h"
#include "rtc/seq.h"

/* How long a missing packet is waited for. */
#define PEER_TRACK_WAIT_US (1200 * BL_MS)

/* Packets that are put in order at a time; a power of two. */
#define PEER_TRACK_SLOTS 2048

/* Ages are counted in steps of so much; the last one has all that are older. */
#define PEER_AGE_STEP_US (10 * BL_MS)
#define PEER_AGE_STEPS   200

/* What was seen in an interval. Times in microseconds. */
typedef struct {
  uint64_t packets; /* first copies */
  uint64_t frames;  /* whole ones, in order; of sound: packets */
  uint64_t keyframes;
  uint64_t lost; /* after repair */
  uint64_t repaired;
  uint64_t duplicates;
  uint64_t jumps;       /* sequence numbers went on elsewhere */
  uint64_t regressions; /* of the timestamp, in order */
  uint64_t ssrc_changes;
  int64_t gap_max_us;             /* between two frames */
  int64_t age_sum_us, age_max_us; /* from capture to whole */
  uint64_t ages;
  uint32_t ages_by_step[PEER_AGE_STEPS];
} PeerFigures;

/* Adds `part` to `sum`; maxima become the greater one. */
void peer_figures_add (PeerFigures *sum, const PeerFigures *part);

/* The age that 95 of 100 frames have at most, to a step; -1: none has one. */
int64_t peer_figures_age_p95_us (const PeerFigures *figures);

typedef struct {
  uint64_t seq; /* extended; 0: empty */
  uint32_t timestamp;
  bool marker, key;
  bool begins_key; /* has the SPS with which keyframes begin */
  BlNtp capture;   /* 0: not known */
  BlTime arrived_us;
} PeerSlot;

typedef struct {
  /* For the caller to read. */
  PeerFigures figures;      /* since they were last taken */
  BlTime first_keyframe_us; /* of sound: first packet; BL_TIME_NEVER */
  BlTime last_frame_us;     /* BL_TIME_NEVER: none */
  uint16_t width, height;   /* of the last SPS */
  uint32_t ssrc;            /* 0: none yet */
  BlNack nack;
  BlRtpReceiverStats report;

  /* Its own. */
  bool video, started, broken, frame_key;
  BlSeqUnwrapper seqs;
  uint64_t next;     /* the number to deliver next */
  BlTime blocked_us; /* since when it is missing; BL_TIME_NEVER */
  bool has_timestamp;
  uint32_t timestamp; /* of the last delivered */
  BlNtp capture;      /* of the frame being put together */
  PeerSlot slots[PEER_TRACK_SLOTS];
} PeerTrack;

void peer_track_init (PeerTrack *track, bool video, uint32_t clock_rate_hz);

/* A packet, as itself or (`repair`) unwrapped from RTX. `ntp` is the wall clock
 * at `now`. */
void peer_track_on_packet (PeerTrack *track, const BlRtp *rtp,
                           const BlRtpExtValues *ext, bool repair, BlTime now,
                           BlNtp ntp);

/* Gives up what was waited for too long. Call about every 10 ms. */
void peer_track_on_time (PeerTrack *track, BlTime now, BlNtp ntp);

/* The figures since the last call; a silence that lasts yet counts as a gap. */
PeerFigures peer_track_take_figures (PeerTrack *track, BlTime now);
