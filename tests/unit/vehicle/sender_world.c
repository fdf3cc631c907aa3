/* SPDX-License-Identifier: Apache-2.0 */
#include "sender_world.h"

#include <check.h>
#include <string.h>

#include "rtc/rtcp.h"
#include "rtc/rtpext.h"

SenderWorld sender_world;

BlNtp
sender_world_wall (BlTime now)
{
  return bl_ntp_from_unix_us (1700000000 * BL_SECOND + now);
}

static void
on_send (uint8_t *packet, size_t length, size_t capacity, unsigned paths,
         bool rtcp, void *user_data)
{
  ck_assert_uint_ge (capacity, length + 20);
  ck_assert_uint_lt (sender_world.n_sent, MAX_SENT);
  SenderWorldPacket *s = &sender_world.sent[sender_world.n_sent++];
  memcpy (s->data, packet, length);
  s->length = length;
  s->rtcp = rtcp;
  s->paths = paths;
  s->at_us = sender_world.now_us;
  BlRtp rtp;
  bool lost = sender_world.loses_every > 0
              && sender_world.n_sent % sender_world.loses_every == 0;
  if (sender_world.acknowledged && !rtcp && !lost
      && bl_rtp_parse (packet, length, &rtp) == BL_RTP_OK)
    bl_ccfb_receiver_on_packet (&sender_world.arrivals, rtp.ssrc, rtp.seq,
                                BL_ECN_NOT_ECT, sender_world.now_us);
  /* Room that may be used is used. */
  memset (packet + length, 0xaa, capacity - length);
}

static void
on_rate (uint64_t video_bps, void *user_data)
{
  sender_world.rate_bps = video_bps;
}

static void
on_sound (const BlSoundSettings *settings, void *user_data)
{
  sender_world.sound = *settings;
}

static void
on_lost (uint64_t picture, void *user_data)
{
  sender_world.n_lost++;
  sender_world.lost = picture;
}

static void
on_keyframe (void *user_data)
{
  sender_world.n_keyframes++;
}

static void
on_bye (void *user_data)
{
  sender_world.n_byes++;
}

static const BlSenderCallbacks callbacks = {
  .send = on_send,
  .rate = on_rate,
  .sound = on_sound,
  .lost = on_lost,
  .keyframe = on_keyframe,
  .bye = on_bye,
};

const BlNegotiated sender_world_negotiated = {
  .video = { .present = true,
             .mid = "1",
             .sends = true,
             .pt = 96,
             .rtx_pt = 97,
             .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_CCFB,
             .clock_rate = 90000,
             .ssrc = VIDEO_SSRC,
             .rtx_ssrc = RTX_SSRC,
             .extensions = { .id = { [BL_RTP_EXT_MID] = 1,
                                     [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                                     [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                     [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4 } } },
  .audio = { .present = true,
             .mid = "0",
             .sends = true,
             .pt = 111,
             .rtx_pt = -1,
             .red_pt = 63,
             .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_CCFB,
             .clock_rate = 48000,
             .ssrc = AUDIO_SSRC,
             .extensions = { .id = { [BL_RTP_EXT_MID] = 1,
                                     [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                     [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4 } } },
};

BlSender *
sender_world_open (void)
{
  sender_world.n_sent = sender_world.n_keyframes = sender_world.n_byes = 0;
  sender_world.n_frames = sender_world.n_lost = 0;
  sender_world.recovers = false;
  sender_world.now_us = START;
  sender_world.acknowledged = false;
  sender_world.loses_every = 0;
  bl_ccfb_receiver_init (&sender_world.arrivals);
  BlSenderOptions options = { .cname = "cname",
                              .seed = 5,
                              .max_video_bps = BITRATE,
                              .sound_bps = SOUND_BITRATE,
                              .path_mode = BL_PATH_MODE_PROTECT };
  BlSender *s
      = bl_sender_new (&sender_world_negotiated, &options, &callbacks, NULL);
  ck_assert_ptr_nonnull (s);
  bl_sender_add_path (s, 0);
  bl_sender_set_open (s, true, sender_world.now_us);
  return s;
}

size_t
sender_world_make_access_unit (bool keyframe, size_t bytes)
{
  static const uint8_t parameter_sets[] = { 0,    0,    0,    1,   0x67, 0x42,
                                            0xc0, 0x1f, 0x8c, 0,   0,    0,
                                            1,    0x68, 0xce, 0x3c };
  BlWriter w
      = bl_writer (sender_world.access_unit, sizeof sender_world.access_unit);
  if (keyframe)
    bl_writer_bytes (&w, parameter_sets, sizeof parameter_sets);
  bl_writer_be32 (&w, 1);
  bl_writer_u8 (&w, keyframe ? 0x65 : 0x41);
  for (size_t i = 0; i < bytes; i++)
    bl_writer_u8 (&w, (uint8_t)(i % 251 + 1));
  ck_assert (bl_writer_ok (&w));
  return bl_writer_length (&w);
}

void
sender_world_send_frame (BlSender *s, bool keyframe, size_t bytes,
                         BlTime captured)
{
  size_t length = sender_world_make_access_unit (keyframe, bytes);
  BlSenderPicture picture = {
    .data = sender_world.access_unit,
    .length = length,
    .number = sender_world.n_frames++,
    .keyframe = keyframe,
    .recovers = sender_world.recovers,
    .captured_us = captured,
    .captured_ntp = sender_world_wall (captured),
  };
  bl_sender_video (s, &picture, sender_world.now_us,
                   sender_world_wall (sender_world.now_us));
}

void
sender_world_send_piece (BlSender *s, uint64_t number, unsigned piece,
                         bool more, bool keyframe, size_t bytes)
{
  BlNtp wall = sender_world_wall (sender_world.now_us);
  BlSenderPicture picture = {
    .length = sender_world_make_access_unit (keyframe && piece == 0, bytes),
    .data = sender_world.access_unit,
    .number = number,
    .piece = piece,
    .more = more,
    .keyframe = keyframe,
    .captured_us = sender_world.now_us,
    .captured_ntp = wall,
  };
  bl_sender_video (s, &picture, sender_world.now_us, wall);
}

void
sender_world_send_sound (BlSender *s, BlTime captured)
{
  uint8_t opus[SOUND_BYTES] = { 0x48, sender_world.n_sounds++ };
  bl_sender_audio (s, opus, sizeof opus, captured, sender_world_wall (captured),
                   sender_world.now_us,
                   sender_world_wall (sender_world.now_us));
}

void
sender_world_receive_rtcp (BlSender *s, const BlWriter *w)
{
  ck_assert (bl_writer_ok (w));
  bl_sender_on_rtcp (s, 0, w->start, bl_writer_length (w), sender_world.now_us,
                     sender_world_wall (sender_world.now_us));
}

void
sender_world_receive_nack (BlSender *s, uint32_t ssrc, const uint16_t *seqs,
                           size_t n)
{
  uint8_t buffer[512];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_nack (&w, RELAY_SSRC, ssrc, seqs, n);
  sender_world_receive_rtcp (s, &w);
}

static void
report_arrivals (BlSender *s)
{
  uint8_t buffer[1200];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  while (bl_ccfb_receiver_has_news (&sender_world.arrivals)
         && bl_ccfb_receiver_write (&sender_world.arrivals, &w, RELAY_SSRC,
                                    sender_world.now_us,
                                    sender_world_wall (sender_world.now_us)))
    ;
  if (bl_writer_length (&w) > 0)
    sender_world_receive_rtcp (s, &w);
}

void
sender_world_receive_pli (BlSender *s)
{
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_pli (&w, RELAY_SSRC, VIDEO_SSRC);
  sender_world_receive_rtcp (s, &w);
}

void
sender_world_run_until (BlSender *s, BlTime until)
{
  BlTime report = sender_world.now_us;
  for (;;) {
    BlTime due = bl_sender_deadline (s);
    BlTime next = sender_world.acknowledged && report < due ? report : due;
    if (next > until)
      break;
    sender_world.now_us
        = next > sender_world.now_us ? next : sender_world.now_us;
    if (next == report) {
      report_arrivals (s);
      report += 10 * BL_MS;
    } else {
      bl_sender_on_deadline (s, sender_world.now_us,
                             sender_world_wall (sender_world.now_us));
    }
  }
  sender_world.now_us = until;
}

void
sender_world_run_for (BlSender *s, BlTime us)
{
  sender_world_run_until (s, sender_world.now_us + us);
}

BlSender *
sender_world_open_acknowledged (void)
{
  BlSender *s = sender_world_open ();
  sender_world.acknowledged = true;
  return s;
}

bool
sender_world_next_rtp (unsigned *index, uint32_t ssrc, BlRtp *out_rtp)
{
  while (*index < sender_world.n_sent) {
    const SenderWorldPacket *p = &sender_world.sent[(*index)++];
    if (!p->rtcp && bl_rtp_parse (p->data, p->length, out_rtp) == BL_RTP_OK
        && out_rtp->ssrc == ssrc)
      return true;
  }
  return false;
}
