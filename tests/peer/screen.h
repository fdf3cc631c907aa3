/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pictures of a stream could be shown, and when: a picture is given out
 * once all its packets are there and those of all before it, or, where
 * something is missing, from the next whole keyframe on. So a browser does it.
 * Time is an argument; no I/O. One thread.
 *
 * Invariant: what is given out, in its order, decodes without an error.
 */
#pragma once

#include <stddef.h>

#include "rtc/h264_depay.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "rtc/seq.h"

/* Packets that are put in order at a time; a power of two. */
#define PEER_SCREEN_SLOTS 4096

typedef struct {
  BlTime at_us;       /* its last packet, or the last of those before it */
  uint32_t timestamp; /* RTP's */
  BlNtp capture;      /* abs-capture-time; 0: not known */
  bool keyframe;
  unsigned packets;
  const uint8_t *data; /* Annex B, borrowed for the call */
  size_t length;
} PeerPicture;

typedef struct PeerScreen PeerScreen;

PeerScreen *peer_screen_new (void (*shown) (const PeerPicture *, void *),
                             void *user_data);
void peer_screen_free (PeerScreen *screen);

/* A packet of the video, as itself or (`repair`) unwrapped from RTX. */
void peer_screen_on_packet (PeerScreen *screen, const BlRtp *rtp,
                            const BlRtpExtValues *ext, bool repair, BlTime now);
