/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

void
lg_judge_init (LgJudge *j)
{
  *j = (LgJudge){ .keyframe_ns = LG_NEVER };
}

const LgSentPacket *
lg_judge_on_packet (LgJudge *j, const LgSent *sent, const BlRtp *rtp,
                    uint64_t *out_extended)
{
  if (lg_numbers_on_packet (&j->numbers, rtp->seq, out_extended)
      == LG_NUMBER_DOUBLE) {
    *out_extended = 0;
    return NULL;
  }
  const LgSentPacket *packet
      = j->mapped ? lg_sent_get (sent, *out_extended + j->number_offset) : NULL;
  if (packet && packet->timestamp + j->timestamp_offset != rtp->timestamp)
    packet = NULL;
  return packet;
}

const LgSentPacket *
lg_judge_learn (LgJudge *j, const LgSent *sent, const BlRtp *rtp,
                uint64_t extended)
{
  uint64_t number;
  uint64_t hash = lg_payload_hash (rtp->payload, rtp->payload_length);
  if (!lg_sent_find (sent, hash, &number)) {
    j->unknown++;
    return NULL;
  }
  const LgSentPacket *packet = lg_sent_get (sent, number);
  j->remapped += j->mapped;
  j->mapped = true;
  j->number_offset = number - extended;
  j->timestamp_offset = rtp->timestamp - packet->timestamp;
  return packet;
}

void
lg_judge_on_sent (LgJudge *j, const LgSentPacket *packet, int64_t arrival_ns)
{
  if (!packet->key || j->keyframe_ns != LG_NEVER)
    return;
  if (packet->frame != j->key_frame)
    j->key_packets = 0;
  j->key_frame = packet->frame;
  if (++j->key_packets == packet->count)
    j->keyframe_ns = arrival_ns;
}
