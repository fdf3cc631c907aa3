/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong between vehicle and relay, in words. Pure functions.
 */
#pragma once

#include "vehicle/whip.h"

/* NULL if `status` is a success for `method`. `body` is what the relay wrote;
 * its first line is quoted. */
GError *bl_whip_status_error (const char *method, const char *url, guint status,
                              const char *body);

/* `why` is GIO's; `relay_flags` what is wrong with the relay's certificate. A
 * cancelled request stays G_IO_ERROR_CANCELLED. */
GError *bl_whip_transport_error (const char *url, const GError *why,
                                 GTlsCertificateFlags relay_flags);

/* The relay offered nothing newer than TLS 1.1. */
GError *bl_whip_old_tls_error (const char *url);

gboolean bl_whip_same_scheme (GUri *a, GUri *b);
