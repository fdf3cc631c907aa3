/* SPDX-License-Identifier: Apache-2.0
 *
 * What cert.c shares with the rest of secure/: OpenSSL's own objects. Not for
 * other folders.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "secure/cert.h"

struct BlCert {
  X509 *x509;
  EVP_PKEY *key;
};

/* Why OpenSSL's last call on this thread failed; empties its queue. */
char *bl_openssl_reason (void);

/* The common name of a certificate, under the rules of cert.h. */
char *bl_x509_common_name (const X509 *x509, GError **error);

/* A certificate's time as seconds since 1970. */
int64_t bl_asn1_unix_s (const ASN1_TIME *time);

/* "2027-01-31 12:00 UTC". */
char *bl_date_text (int64_t unix_s);

/* Reads a whole file, or says on which path it failed; `what` names the thing:
 * "the vehicle CA bundle". */
gboolean bl_cert_read_file (const char *what, const char *path, char **out_text,
                            gsize *out_length, GError **error);
