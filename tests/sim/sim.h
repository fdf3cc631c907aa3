/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole uplink in virtual time: simulated encoder, frame gate, pacer and
 * congestion control on one side of a simulated link, on the other a receiver
 * whose feedback comes back as bytes. Everything that rtc/ has is the real
 * thing. The same options give the same run; a minute takes some milliseconds.
 */
#pragma once

#include "sim_link.h"

typedef enum {
  SIM_CCFB, /* RFC 8888 */
  SIM_TWCC, /* transport-cc */
} SimFeedback;

typedef struct {
  SimLinkOptions link;
  SimFeedback feedback;
  BlTime feedback_us;     /* from one to the next */
  BlTime back_us;         /* its way back */
  uint32_t back_loss_ppm; /* of feedback */
  BlTime duration_us;
  uint64_t start_bps, cap_bps; /* of all that is sent */
  bool l4s;
  bool padding;
  uint32_t encoder_percent;  /* of what it was told it makes so much */
  uint32_t recovery_percent; /* a frame without references: so much of one */
  BlTime burst_us;           /* what the pacer lets out at once */
  BlTime log_us;             /* a line on stdout each so often; 0: none */
  uint64_t seed;
} SimOptions;

typedef struct {
  double utilisation; /* video and sound that arrived, of the capacity */
  BlTime delay_p50_us, delay_p95_us, delay_p99_us; /* capture to complete */
  double late; /* share of complete frames older than 400 ms */
  /* Share of the time in gaps between complete frames longer than this, and in
   * the trace's own that make such ones: those a frame interval shorter. */
  double frozen_183, frozen_500, own_183, own_500;
  unsigned frames, skipped, dropped; /* complete, not encoded, given up */
  double lost;                       /* share of packets */
  uint64_t padding_bytes;
  uint64_t target_bps; /* at the end */
  BlTime rtt_us;       /* smoothed, at the end */
} SimResult;

/* 60 s at 20 Mb/s, 25 ms each way, capped at 6 Mb/s, RFC 8888 each 10 ms. */
SimOptions sim_options (void);

SimResult sim_run (const SimOptions *options);
