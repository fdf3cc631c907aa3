/* SPDX-License-Identifier: Apache-2.0
 *
 * The pictures that a viewer could show, in two files: PREFIX.h264 (Annex B),
 * and PREFIX.csv, a line for each; and in PREFIX.sound.csv the packets of sound
 * as they came:
 *
 *   arrived_us,capture_us,timestamp,bytes,packets,keyframe
 *   arrived_us,timestamp
 *
 * Times are Unix microseconds; capture_us is as the relay says, or empty.
 */
#pragma once

#include <gio/gio.h>

#include "screen.h"

typedef struct PeerFrames PeerFrames;

/* NULL and `error` if a file can't be written. `ntp_at_0`: the wall clock when
 * the monotonic one was 0. */
PeerFrames *peer_frames_new (const char *prefix, BlNtp ntp_at_0,
                             GError **error);
void peer_frames_free (PeerFrames *frames);

/* For peer_screen_new(), with the PeerFrames as user data. */
void peer_frames_add (const PeerPicture *picture, void *frames);

/* For PeerViewer.heard, the same. */
void peer_frames_hear (BlTime at_us, uint32_t timestamp, void *frames);
