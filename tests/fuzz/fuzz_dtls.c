/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams from the network to a DTLS server. The input is a row of them, each
 * behind its length in two bytes. Whatever comes, the server answers with
 * datagrams of our MTU at most and never gets keys: the key of the certificate
 * that it waits for is lost.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/reader.h"
#include "secure/dtls.h"

static BlDtlsContext *context;

/* Of the client whose datagrams are in corpus/dtls/whole-client. */
static const char expected[]
    = "sha-256 14:FC:68:FC:FA:40:B8:BE:B9:CC:21:A1:4B:9E:EE:E2:"
      "AF:D7:0D:4D:FF:73:93:2A:43:87:DC:B2:BF:5A:06:21";
static BlFingerprint fingerprint;

static void
set_up (void)
{
  BlCert *cert = bl_cert_new_self_signed ("relay", 1800000000, NULL);
  context = bl_dtls_context_new (cert, NULL);
  bl_cert_free (cert);
  if (!context || !bl_fingerprint_parse (expected, &fingerprint))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  if (!context)
    set_up ();
  BlDtls *server = bl_dtls_new (context, BL_DTLS_SERVER, &fingerprint, 1);
  BlReader reader = bl_reader (data, size);
  uint8_t out[BL_DTLS_MTU_BYTES];
  BlSrtpKeys keys;
  while (bl_reader_left (&reader) > 2) {
    size_t length = bl_reader_be16 (&reader);
    if (length > bl_reader_left (&reader))
      length = bl_reader_left (&reader);
    bl_dtls_receive (server, bl_reader_bytes (&reader, length), length);
    while (bl_dtls_next_output (server, out, sizeof out) > 0)
      continue;
    bl_dtls_on_deadline (server);
  }
  if (bl_dtls_keys (server, &keys))
    abort ();
  bl_dtls_free (server);
  return 0;
}
