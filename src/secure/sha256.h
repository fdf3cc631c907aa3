/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4) by OpenSSL, which uses the processor's own instructions:
 * GLib's is several times slower, and the recorder hashes all that it writes.
 */
#pragma once

#include <stddef.h>

#define BL_SHA256_HEX_LENGTH 64

/* `out` gets the hash of `length` bytes in lower-case hex, and a 0. Aborts if
 * OpenSSL has no SHA-256. Any thread. */
void bl_sha256_hex (const void *bytes, size_t length,
                    char out[BL_SHA256_HEX_LENGTH + 1]);
