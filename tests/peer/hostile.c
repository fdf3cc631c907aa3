/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include "rtc/rtcp.h"

#define CAPACITY 1400
#define NACKED   1000

static void
write_nack (PeerHostile *hostile, const PeerSession *session, BlWriter *w)
{
  uint16_t seqs[NACKED];
  for (unsigned i = 0; i < NACKED; i++)
    seqs[i] = hostile->nack_seq++;
  bl_rtcp_write_nack (w, session->ssrc, session->negotiated.video.ssrc, seqs,
                      NACKED);
}

static void
write_pli (PeerHostile *hostile, const PeerSession *session, BlWriter *w)
{
  bl_rtcp_write_pli (w, session->ssrc, session->negotiated.video.ssrc);
}

static void
write_fir (PeerHostile *hostile, const PeerSession *session, BlWriter *w)
{
  bl_rtcp_write_fir (w, session->ssrc, session->negotiated.video.ssrc,
                     hostile->fir_seq_nr++);
}

/* Nine runs of 8,191 that were lost, and the rest of 65,535. */
static void
write_feedback (PeerHostile *hostile, const PeerSession *session, BlWriter *w)
{
  for (unsigned i = 0; i < 30; i++) {
    bl_writer_be32 (w, 0x8fcd0009); /* RTPFB 15, ten words */
    bl_writer_be32 (w, session->ssrc);
    bl_writer_be32 (w, session->negotiated.video.ssrc);
    bl_writer_be16 (w, 0);
    bl_writer_be16 (w, 65535);
    bl_writer_be32 (w, 0);
    for (unsigned chunk = 0; chunk < 10; chunk++)
      bl_writer_be16 (w, 0x1fff);
  }
}

static void (*const compounds[]) (PeerHostile *hostile,
                                  const PeerSession *session, BlWriter *w)
    = { write_nack, write_pli, write_fir, write_feedback };

void
peer_hostile_flood (PeerHostile *hostile, PeerSession *session)
{
  uint8_t data[CAPACITY + BL_SRTP_TRAILER_MAX];
  if (!peer_session_is_up (session))
    return;
  for (unsigned i = 0; i < hostile->n; i++) {
    for (unsigned kind = 0; kind < G_N_ELEMENTS (compounds); kind++) {
      BlWriter w = bl_writer (data, CAPACITY);
      compounds[kind](hostile, session, &w);
      peer_session_send_rtcp (session, data, bl_writer_length (&w),
                              sizeof data);
    }
    peer_link_check (&session->link, true);
    hostile->sent += G_N_ELEMENTS (compounds) + 1;
  }
}
