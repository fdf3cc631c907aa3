/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be asked of a pipeline's own encoder, whichever it is. Any thread.
 */
#pragma once

#include <gst/gst.h>

#include "vehicle/sound.h"

/* The next access unit is to be an IDR with its parameter sets. */
void bl_encoder_force_keyframe (GstElement *encoder);

/* From the next picture on. */
void bl_encoder_set_bitrate (GstElement *encoder, int bitrate_bps);

/* Pictures leave `size` with these dimensions, in pixels, from the next one on;
 * the encoder begins anew with an IDR. */
void bl_encoder_set_size (GstElement *size, int width, int height);

/* Of sound, from the next packet on, as far as this encoder can. */
void bl_encoder_set_sound (GstElement *encoder,
                           const BlSoundSettings *settings);
