/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP payloads (RFC 6184, packetization-mode 0 and 1) into access units, as
 * Annex B or with four-byte lengths (AVCC, as MP4 wants it). Packets must come
 * in the order of their sequence numbers; a hole means that a packet is lost
 * for good.
 *
 *   do {
 *     result = bl_h264_depay_push (&depay, &packet, &au);
 *     if (result != BL_H264_DEPAY_MORE)
 *       use (&au);
 *   } while (result == BL_H264_DEPAY_AGAIN);
 *
 * An access unit ends at the marker, or, if that was lost or is never set,
 * where the timestamp changes.
 *
 * Invariants: an access unit holds whole NAL units only; one that lacks
 * anything says `broken`; one too large for the buffer is dropped and counted.
 * Packets that come again, or late, and padding (no payload) change nothing.
 * The buffer is taken once, at init. One thread at a time.
 */
#pragma once

#include "rtc/h264.h"

typedef enum {
  BL_H264_ANNEX_B,
  BL_H264_AVCC,
} BlH264Framing;

typedef enum {
  BL_H264_DEPAY_MORE,  /* taken; no access unit yet */
  BL_H264_DEPAY_AU,    /* taken, and it completed out_au */
  BL_H264_DEPAY_AGAIN, /* out_au ended before this packet: push it again */
} BlH264DepayResult;

typedef struct {
  uint64_t seq; /* extended sequence number */
  uint32_t timestamp;
  bool marker;
  const uint8_t *payload; /* borrowed for the call */
  size_t length;
} BlH264DepayPacket;

typedef struct {
  const uint8_t *data; /* borrowed until the next push */
  size_t length;       /* 0 never occurs */
  uint32_t timestamp;
  uint64_t first_seq, last_seq; /* of the packets that came */
  bool keyframe;                /* holds an IDR slice */
  bool broken;                  /* packets of it are missing, or may be */
  bool after_loss; /* packets between it and the one before are missing */
} BlH264Au;

#define BL_H264_PARAMETERS_MAX 256

typedef struct {
  uint8_t data[BL_H264_PARAMETERS_MAX]; /* from the NAL header byte on */
  uint16_t length;                      /* 0: none seen yet */
} BlH264ParameterSet;

typedef struct {
  /* For the caller to read. */
  BlH264ParameterSet sps, pps; /* the last ones seen in the stream */
  uint32_t parameter_changes;  /* counts each time sps or pps became another */
  uint32_t oversize;           /* access units dropped, too large */
  uint32_t malformed;          /* packets that made no sense */
  uint32_t broken;             /* access units given out as broken */

  /* Its own. */
  BlH264Framing framing;
  uint8_t *buffer;
  size_t capacity, used;
  size_t nal_at; /* where the NAL unit being written has its prefix */
  uint64_t next_seq, first_seq, last_seq;
  uint32_t timestamp;
  bool started;  /* next_seq is known */
  bool lost;     /* something is missing since the last packet that was used */
  bool open;     /* an access unit has begun */
  bool fragment; /* inside a FU-A NAL unit */
  bool au_keyframe, au_broken, au_oversize, au_after_loss;
} BlH264Depay;

/* Takes `capacity` bytes, the most an access unit may have. False if there is
 * no memory. */
bool bl_h264_depay_init (BlH264Depay *depay, BlH264Framing framing,
                         size_t capacity);
void bl_h264_depay_clear (BlH264Depay *depay);

BlH264DepayResult bl_h264_depay_push (BlH264Depay *depay,
                                      const BlH264DepayPacket *packet,
                                      BlH264Au *out_au);

/* What is begun is given up: call where a stream starts anew. Parameter sets
 * and counts stay. */
void bl_h264_depay_reset (BlH264Depay *depay);
