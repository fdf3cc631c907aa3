/* SPDX-License-Identifier: Apache-2.0
 *
 * The three parts of a viewer: viewer.c is its life and what it is told,
 * viewer_send.c what it is sent, viewer_feedback.c what it says.
 */
#pragma once

#include "relay/viewer.h"

/* Somebody needs a keyframe: the source asks for one soon. */
void bl_viewer_want_keyframe (BlViewer *viewer);

/* It is up: sound from now on, video from the last IDR on. */
void bl_viewer_begin (BlViewer *viewer);

/* Packets have just been sent to it: a report that is nearly due leaves too. */
void bl_viewer_report_in_passing (BlViewer *viewer);

/* For its join timer. */
void bl_viewer_on_join_timer (void *viewer, BlTime now);

/* For its session: a compound that it sent, decrypted. */
void bl_viewer_on_rtcp (void *viewer, const uint8_t *data, size_t length);
