/* SPDX-License-Identifier: Apache-2.0
 *
 * The only place that reads the system's clocks. Not for rtc/.
 */
#pragma once

#include "base/bltime.h"

/* CLOCK_MONOTONIC. Any thread; never fails. */
BlTime bl_clock_now (void);

/* CLOCK_REALTIME as NTP time. Any thread; never fails. */
BlNtp bl_clock_ntp (void);

/* CLOCK_REALTIME in microseconds since 1970. Any thread; never fails. */
int64_t bl_clock_unix_us (void);
