/* SPDX-License-Identifier: Apache-2.0
 *
 * One log topic a file: define BL_LOG_TOPIC before including this.
 *   #define BL_LOG_TOPIC "relay.worker"
 * A line says what happened, to which object, and what to do. Never a secret,
 * never patient data, never one line per packet.
 */
#pragma once

#include <glib.h>

#ifndef BL_LOG_TOPIC
#error "define BL_LOG_TOPIC before including base/log.h"
#endif

typedef enum {
  BL_LOG_ERROR,
  BL_LOG_WARNING,
  BL_LOG_INFO,
  BL_LOG_DEBUG,
} BlLogLevel;

/* Lines above `level` are dropped. Call once, before other threads start.
 * Lines go to standard error with time, level and topic. */
void bl_log_init (BlLogLevel level);

/* Reads "error", "warning", "info" or "debug"; FALSE if it is none of them. */
gboolean bl_log_level_from_string (const char *name, BlLogLevel *out_level);

/* Any thread. One line, whole: two threads' lines never mix. */
void bl_log (BlLogLevel level, const char *topic, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

#define bl_error(...)   bl_log (BL_LOG_ERROR, BL_LOG_TOPIC, __VA_ARGS__)
#define bl_warning(...) bl_log (BL_LOG_WARNING, BL_LOG_TOPIC, __VA_ARGS__)
#define bl_info(...)    bl_log (BL_LOG_INFO, BL_LOG_TOPIC, __VA_ARGS__)
#define bl_debug(...)   bl_log (BL_LOG_DEBUG, BL_LOG_TOPIC, __VA_ARGS__)
