/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics for monitoring (docs/metrics.md).
 */
#include <string.h>

#include "relay/http_request.h"
#include "relay/metrics.h"
#include "relay/openmetrics.h"

void
bl_http_on_metrics (BlRequest *request)
{
  const BlHttp *http = request->http;
  BlMetricsInput input = {
    .registry = http->context.registry,
    .folder = http->context.options->folder,
    .started_us = http->started_us,
  };
  memcpy (input.requests, http->requests, sizeof input.requests);
  memcpy (input.connections, http->connections, sizeof input.connections);
  g_autofree char *text = bl_metrics_write (&input);
  bl_reply_text (request, SOUP_STATUS_OK, BL_OPENMETRICS_TYPE, text);
}
