/* SPDX-License-Identifier: Apache-2.0
 *
 * What one viewer gets, held against what the source has sent. Nearly all of it
 * works on the clear header: the server's constant offsets of sequence number
 * and timestamp are learnt from one decrypted payload, and learnt anew when a
 * timestamp doesn't fit (the server left something out). One thread.
 */
#pragma once

#include "histogram.h"
#include "numbers.h"
#include "rtc/rtp.h"
#include "sent.h"

#define LG_NEVER INT64_MAX

typedef struct {
  /* For the caller to read. */
  LgNumbers numbers;
  int64_t keyframe_ns; /* first whole IDR picture's last packet; LG_NEVER */
  uint64_t remapped;   /* offsets that were learnt anew */
  uint64_t unknown;    /* payloads that the source never sent */

  /* Its own. */
  bool mapped;
  uint64_t number_offset; /* source's number less extended seq */
  uint32_t timestamp_offset;
  uint32_t key_frame;
  uint16_t key_packets;
} LgJudge;

void lg_judge_init (LgJudge *judge);

/* A packet with its clear header. Gives what the source had sent, or NULL if
 * the header doesn't tell, and then `*out_extended` is for
 * lg_judge_learn(). A double gives NULL and `*out_extended` = 0. */
const LgSentPacket *lg_judge_on_packet (LgJudge *judge, const LgSent *sent,
                                        const BlRtp *rtp,
                                        uint64_t *out_extended);

/* The same packet, decrypted and authentic: learns the offsets. NULL if the
 * source never sent this payload. */
const LgSentPacket *lg_judge_learn (LgJudge *judge, const LgSent *sent,
                                    const BlRtp *rtp, uint64_t extended);

/* Looks for the first whole IDR picture; `packet` is from above. */
void lg_judge_on_sent (LgJudge *judge, const LgSentPacket *packet,
                       int64_t arrival_ns);
