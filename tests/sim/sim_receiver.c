/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_private.h"

/* The receiver's clock is another one. */
#define SKEW_US (1234 * BL_SECOND)

void
sim_receiver_start (Sim *s)
{
  bl_ccfb_receiver_init (&s->ccfb_receiver);
  bl_twcc_receiver_init (&s->twcc_receiver);
}

static void
arrive (Sim *s, const SimTravelling *t)
{
  BlTime at = t->arrival_us + SKEW_US;
  bl_ccfb_receiver_on_packet (&s->ccfb_receiver, t->packet.ssrc, t->seq, t->ecn,
                              at);
  bl_twcc_receiver_on_packet (&s->twcc_receiver, t->transport_seq, at);
  if (t->packet.ssrc != SIM_PADDING_SSRC)
    s->media_bytes += t->packet.bytes;
  if (t->packet.ssrc != SIM_VIDEO_SSRC)
    return;
  SimFrame *frame = &s->frames[t->packet.frame];
  if (++frame->arrived == frame->packets)
    frame->complete_us = t->arrival_us;
}

/* One packet of feedback; false if there is no more to tell. */
static bool
write_report (Sim *s, BlTime now)
{
  SimReport *report = &s->reports[s->reports_tail % SIM_REPORTS];
  BlWriter w = bl_writer (report->bytes, sizeof report->bytes);
  BlTime at = now + SKEW_US;
  bool written
      = s->o.feedback == SIM_CCFB
            ? bl_ccfb_receiver_write (&s->ccfb_receiver, &w, 9, at,
                                      bl_ntp_from_unix_us (at))
            : bl_twcc_receiver_write (&s->twcc_receiver, &w, 9, SIM_VIDEO_SSRC);
  if (!written || s->reports_tail - s->reports_head == SIM_REPORTS)
    return false;
  report->length = bl_writer_length (&w);
  report->at_us = now + s->o.back_us;
  if (!sim_random_hit (&s->random, s->o.back_loss_ppm))
    s->reports_tail++;
  return true;
}

void
sim_receiver_step (Sim *s, BlTime now)
{
  while (s->travelling_head != s->travelling_tail
         && s->travelling[s->travelling_head % SIM_TRAVELLING].arrival_us
                <= now)
    arrive (s, &s->travelling[s->travelling_head++ % SIM_TRAVELLING]);
  if (now < s->next_feedback_us)
    return;
  s->next_feedback_us += s->o.feedback_us;
  while (write_report (s, now))
    ;
}
