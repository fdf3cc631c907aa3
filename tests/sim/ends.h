/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends as they are, the vehicle's sender (vehicle/sender.h) and the
 * relay's source (relay/source.h), with one or two simulated links between
 * them, in virtual time: what is lost is repaired as on a road. Only encoder,
 * SRTP and the viewer are simulated; a picture counts as shown when it and all
 * before it, from a whole keyframe on, are with the relay.
 *
 * The same options give the same run; a minute takes about a second.
 */
#pragma once

#include "sim_link.h"
#include "vehicle/pathplan.h"

#define ENDS_PATHS 2

typedef struct {
  unsigned n_paths;
  SimLinkOptions links[ENDS_PATHS]; /* up */
  BlPathMode mode;
  bool fec;
  BlTime duration_us; /* measured; five seconds more go before */
  uint64_t max_video_bps;
  uint64_t seed;
  BlTime log_us; /* a line on stdout each so often; 0: none */
} EndsOptions;

typedef struct {
  BlTime delay_p50_us, delay_p95_us, delay_p99_us; /* capture to shown */
  double frozen; /* share of the time in gaps over 183 ms, less 33 ms each */
  double own; /* in which the first link's trace carries nothing for 150 ms */
  unsigned pictures, shown, freezes, keyframes;
  uint64_t shown_bps; /* of pictures shown */
  uint64_t sent_packets, lost_packets;
  uint64_t rtx_packets, fec_packets;
  uint64_t recovered, fec_recovered, given_up;
  uint64_t fec_steps; /* that the decoder took */
} EndsResult;

/* One link of 8 Mb/s, 25 ms each way, 300 ms of queue; 40 s. */
EndsOptions ends_options (void);

/* Bursts of `length` packets on average that make up `share` of all. */
void ends_set_bursts (SimLinkOptions *link, double share, double length);

EndsResult ends_run (const EndsOptions *options);
