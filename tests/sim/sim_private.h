/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of a simulation share: sim_sender.c (encoder, gate, pacer),
 * sim_receiver.c (arrivals, feedback) and sim.c (time, figures).
 */
#pragma once

#include "rtc/ccfb.h"
#include "rtc/ladder.h"
#include "rtc/scream.h"
#include "rtc/twcc.h"
#include "sim.h"
#include "vehicle/pacer.h"

#define SIM_FPS          30
#define SIM_PACKET_BYTES 1200 /* the largest, with headers */
#define SIM_AUDIO_BYTES  100  /* one each 20 ms: 40 kb/s */
#define SIM_FRAMES       65536
#define SIM_WAITING      4096      /* packets in the pacer */
#define SIM_TRAVELLING   (1 << 17) /* packets on their way */
#define SIM_REPORTS      1024
#define SIM_REPORT_BYTES 1200

enum { SIM_VIDEO_SSRC = 1, SIM_AUDIO_SSRC, SIM_PADDING_SSRC };

typedef struct {
  BlTime captured_us, complete_us; /* complete_us 0: not yet */
  uint32_t packets, arrived;
} SimFrame;

typedef struct {
  uint32_t ssrc, frame, bytes;
  BlTime queued_us;
} SimPacket;

typedef struct {
  SimPacket packet;
  uint16_t seq;           /* of its SSRC */
  uint16_t transport_seq; /* transport-cc */
  BlEcn ecn;
  BlTime arrival_us;
} SimTravelling;

typedef struct {
  BlTime at_us; /* at the sender */
  size_t length;
  uint8_t bytes[SIM_REPORT_BYTES];
} SimReport;

typedef struct {
  SimOptions o;
  SimRandom random;
  SimLink link;

  /* The sender. */
  BlScream scream;
  BlCcfbSender ccfb_sender;
  BlTwccSender twcc_sender;
  BlPacer pacer;
  uint64_t path_seq;
  uint16_t seqs[SIM_PADDING_SSRC + 1];
  SimFrame frames[SIM_FRAMES];
  uint32_t n_frames;
  bool recovery; /* the next frame may not refer to what was dropped */
  SimPacket waiting[SIM_WAITING];
  uint32_t waiting_head, waiting_tail, waiting_bytes;
  BlTime next_frame_us, next_audio_us;
  BlTime at_gate_us, next_look_us; /* of a picture that waits */

  /* Between them. */
  SimTravelling travelling[SIM_TRAVELLING];
  uint32_t travelling_head, travelling_tail;
  SimReport reports[SIM_REPORTS];
  uint32_t reports_head, reports_tail;

  /* The receiver. */
  BlCcfbReceiver ccfb_receiver;
  BlTwccReceiver twcc_receiver;
  BlTime next_feedback_us;
  uint64_t media_bytes;

  uint32_t skipped, dropped;
  uint64_t packets, lost, padding_bytes;
} Sim;

void sim_sender_start (Sim *s);
void sim_sender_step (Sim *s, BlTime now);
void sim_receiver_start (Sim *s);
void sim_receiver_step (Sim *s, BlTime now);
