/* SPDX-License-Identifier: Apache-2.0
 *
 * A strict reader of OpenMetrics 1.0 text, for the types that the relay uses:
 * fails the test at the first line that the standard doesn't allow.
 */
#pragma once

#include <glib.h>

/* Gives the families' names (element-type utf8), sorted; free with
 * g_ptr_array_unref(). */
GPtrArray *openmetrics_check (const char *text);
