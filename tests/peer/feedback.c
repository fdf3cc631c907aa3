/* SPDX-License-Identifier: Apache-2.0 */
#include "feedback.h"

#define REPORT_US  BL_SECOND
#define TWCC_US    (100 * BL_MS)
#define RTCP_BYTES 1200
#define MAX_NACKS  64
#define MAX_TRACKS 2

void
peer_feedback_init (PeerFeedback *f)
{
  *f = (PeerFeedback){ 0 };
  bl_twcc_receiver_init (&f->twcc);
}

/* An RR with our CNAME, as every compound begins. */
static void
write_report (const PeerSession *session, const PeerFeedbackTrack *tracks,
              size_t n_tracks, BlWriter *w, BlTime now)
{
  BlRtcpReportBlock blocks[MAX_TRACKS];
  size_t n = 0;
  for (size_t i = 0; i < n_tracks && i < MAX_TRACKS; i++)
    n += bl_rtp_receiver_stats_report (tracks[i].report, tracks[i].ssrc, now,
                                       &blocks[n]);
  bl_rtcp_write_rr (w, session->ssrc, blocks, n);
  bl_rtcp_write_cname (w, session->ssrc, "peer");
}

static void
write_repair (const PeerSession *session, const PeerFeedbackTrack *track,
              BlWriter *w, BlTime now)
{
  uint16_t seqs[MAX_NACKS];
  size_t n = bl_nack_poll (track->nack, now, seqs, MAX_NACKS);
  if (n > 0)
    bl_rtcp_write_nack (w, session->ssrc, track->ssrc, seqs, n);
  if (bl_nack_take_gave_up (track->nack))
    bl_rtcp_write_pli (w, session->ssrc, track->ssrc);
}

static void
write_twcc (PeerFeedback *f, const PeerSession *session, uint32_t ssrc,
            BlWriter *w, BlTime now)
{
  if (now < f->twcc_us
      || !(session->negotiated.video.feedback & BL_FEEDBACK_TRANSPORT_CC))
    return;
  f->twcc_us = now + TWCC_US;
  bl_twcc_receiver_write (&f->twcc, w, session->ssrc, ssrc);
}

void
peer_feedback_on_time (PeerFeedback *f, PeerSession *session,
                       const PeerFeedbackTrack *tracks, size_t n_tracks,
                       BlTime now)
{
  uint8_t data[RTCP_BYTES + BL_SRTP_TRAILER_MAX];
  BlWriter w = bl_writer (data, RTCP_BYTES);
  bool due = now >= f->report_us;
  if (due) {
    write_report (session, tracks, n_tracks, &w, now);
    f->report_us = now + REPORT_US;
  }
  for (size_t i = 0; i < n_tracks; i++)
    if (tracks[i].nack)
      write_repair (session, &tracks[i], &w, now);
  write_twcc (f, session, tracks[0].ssrc, &w, now);
  size_t length = bl_writer_length (&w);
  if (bl_writer_ok (&w) && length > 0)
    peer_session_send_rtcp (session, data, length, sizeof data);
}
