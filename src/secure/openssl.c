/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/openssl.h"

#include <openssl/err.h>

#include "secure/cert.h"
#include "secure/cert_private.h"
#include "secure/srtp.h"

static const struct {
  BlSrtpProfile profile;
  const char *cipher;
} needed[] = {
  { BL_SRTP_AEAD_AES_128_GCM, "AES-128-GCM" },
  { BL_SRTP_AEAD_AES_256_GCM, "AES-256-GCM" },
};

gboolean
bl_openssl_check (GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (needed); i++) {
    const BlSrtpKeys keys = { .profile = needed[i].profile };
    ERR_clear_error ();
    BlSrtp *srtp = bl_srtp_new (&keys, 1);
    bl_srtp_free (srtp);
    if (srtp)
      continue;
    g_autofree char *reason = bl_openssl_reason ();
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED,
                 "OpenSSL gives no %s, and without it no media can be "
                 "encrypted (%s): in its configuration (openssl.cnf, or the "
                 "file that OPENSSL_CONF names) activate a provider that has "
                 "it, such as \"default\", and ask for no properties that it "
                 "lacks",
                 needed[i].cipher, reason);
    return FALSE;
  }
  return TRUE;
}
