/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <glib.h>
#include <string.h>

#include "rtc/h264.h"

#define MAX_PAYLOAD 1500
#define MAX_PICTURE (1 << 20)

/* Further than this from what is due is another sequence. */
#define JUMP (PEER_SCREEN_SLOTS / 2)

typedef struct {
  uint64_t seq; /* extended; 0: empty */
  uint32_t timestamp;
  bool marker, begins_key; /* has the SPS with which keyframes begin */
  BlNtp capture;
  uint16_t length;
  uint8_t payload[MAX_PAYLOAD];
} Slot;

struct PeerScreen {
  void (*shown) (const PeerPicture *, void *);
  void *user_data;
  BlSeqUnwrapper seqs;
  uint32_t ssrc;
  bool started;
  uint64_t next; /* where the next picture to show begins; 0: at a keyframe */
  uint64_t key;  /* the latest packet that begins a keyframe; 0: none */
  BlH264Depay depay;
  Slot slots[PEER_SCREEN_SLOTS];
};

PeerScreen *
peer_screen_new (void (*shown) (const PeerPicture *, void *), void *user_data)
{
  PeerScreen *s = g_new0 (PeerScreen, 1);
  s->shown = shown;
  s->user_data = user_data;
  if (!bl_h264_depay_init (&s->depay, BL_H264_ANNEX_B, MAX_PICTURE))
    g_error ("no memory for a picture");
  return s;
}

void
peer_screen_free (PeerScreen *s)
{
  if (s)
    bl_h264_depay_clear (&s->depay);
  g_free (s);
}

static Slot *
slot_of (PeerScreen *s, uint64_t seq)
{
  Slot *slot = &s->slots[seq % PEER_SCREEN_SLOTS];
  return slot->seq == seq ? slot : NULL;
}

/* The last packet of the picture that begins at `first`; 0: not whole. */
static uint64_t
end_of_picture (PeerScreen *s, uint64_t first)
{
  const Slot *slot;
  for (uint64_t seq = first; (slot = slot_of (s, seq)); seq++)
    if (slot->marker)
      return seq;
  return 0;
}

static void
show (PeerScreen *s, uint64_t first, uint64_t last, BlTime now)
{
  const Slot *head = slot_of (s, first);
  BlH264Au au;
  BlH264DepayResult result = BL_H264_DEPAY_MORE;
  for (uint64_t seq = first; seq <= last; seq++) {
    const Slot *slot = slot_of (s, seq);
    const BlH264DepayPacket packet = { .seq = seq,
                                       .timestamp = slot->timestamp,
                                       .marker = slot->marker,
                                       .payload = slot->payload,
                                       .length = slot->length };
    result = bl_h264_depay_push (&s->depay, &packet, &au);
  }
  if (result != BL_H264_DEPAY_AU)
    return;
  const PeerPicture picture = { .at_us = now,
                                .timestamp = head->timestamp,
                                .capture = head->capture,
                                .keyframe = au.keyframe,
                                .packets = (unsigned)(last - first + 1),
                                .data = au.data,
                                .length = au.length };
  s->shown (&picture, s->user_data);
}

static void
show_what_is_whole (PeerScreen *s, BlTime now)
{
  for (;;) {
    uint64_t last = s->next ? end_of_picture (s, s->next) : 0;
    if (!last && s->key > s->next && (last = end_of_picture (s, s->key)) != 0) {
      s->next = s->key;
      bl_h264_depay_reset (&s->depay);
    }
    if (!last)
      return;
    show (s, s->next, last, now);
    s->next = last + 1;
  }
}

/* Whose sequence it is; false: a repair of what is no longer there. */
static bool
follow (PeerScreen *s, const BlRtp *rtp, bool repair)
{
  int16_t step = bl_seq_diff (rtp->seq, (uint16_t)s->seqs.highest);
  if (s->started && rtp->ssrc == s->ssrc && step <= JUMP && step >= -JUMP)
    return true;
  if (repair)
    return false;
  s->started = true;
  s->ssrc = rtp->ssrc;
  s->seqs = (BlSeqUnwrapper){ 0 };
  s->next = s->key = 0;
  for (unsigned i = 0; i < PEER_SCREEN_SLOTS; i++)
    s->slots[i].seq = 0;
  return true;
}

void
peer_screen_on_packet (PeerScreen *s, const BlRtp *rtp,
                       const BlRtpExtValues *ext, bool repair, BlTime now)
{
  if (rtp->payload_length > MAX_PAYLOAD || !follow (s, rtp, repair))
    return;
  uint64_t seq = bl_seq_unwrap (&s->seqs, rtp->seq);
  if (seq < s->next || slot_of (s, seq))
    return;
  Slot *slot = &s->slots[seq % PEER_SCREEN_SLOTS];
  slot->seq = seq;
  slot->timestamp = rtp->timestamp;
  slot->marker = rtp->marker;
  slot->capture = bl_rtp_ext_has (ext, BL_RTP_EXT_ABS_CAPTURE_TIME)
                      ? ext->capture_ntp
                      : 0;
  slot->length = (uint16_t)rtp->payload_length;
  memcpy (slot->payload, rtp->payload, rtp->payload_length);
  slot->begins_key
      = rtp->payload_length > 0
        && (bl_h264_payload_flags (rtp->payload, rtp->payload_length)
            & BL_H264_HAS_SPS);
  if (slot->begins_key && seq > s->key)
    s->key = seq;
  show_what_is_whole (s, now);
}
