/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether OpenSSL, as it is configured on this machine, has the ciphers of
 * media. A provider's configuration or a property query can take them away, and
 * then each session would fail when its keys are there, at any time of the day:
 * so both programs ask before they begin anything, and don't start.
 */
#pragma once

#include <glib.h>

/* Encrypts nothing, but keys each cipher. Error: BL_CERT_ERROR_FAILED
 * (secure/cert.h). Any thread. */
gboolean bl_openssl_check (GError **error);
