/* SPDX-License-Identifier: Apache-2.0
 *
 * A row of datagrams to a session's receiving half. Each is a byte whose lowest
 * bit says RTCP, its length in two bytes, and itself. The seeds hold authentic
 * ones under these keys (make_srtp_seeds.py).
 */
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "secure/srtp.h"

#define MAX_SSRCS 4
#define DATAGRAMS 64 /* of an input */
#define HEAD      3

typedef BlSrtpStatus (*Unprotect) (BlSrtp *srtp, uint8_t *packet,
                                   size_t *length);

/* In memory of just its size. */
static BlSrtpStatus
receive (BlSrtp *srtp, Unprotect unprotect, const uint8_t *data, size_t size)
{
  uint8_t *packet = malloc (size ? size : 1);
  bl_assert (packet != NULL);
  memcpy (packet, data, size);
  size_t length = size;
  BlSrtpStatus status = unprotect (srtp, packet, &length);
  bl_assert (status == BL_SRTP_OK ? length < size : length == size);
  free (packet);
  return status;
}

/* What was accepted is not accepted again; what wasn't, is refused for the same
 * reason again, since it has changed nothing. */
static void
feed (BlSrtp *srtp, const uint8_t *data, size_t size)
{
  for (unsigned i = 0; i < DATAGRAMS && size >= HEAD; i++) {
    bool rtcp = data[0] & 1;
    Unprotect unprotect = rtcp ? bl_srtp_unprotect_rtcp : bl_srtp_unprotect_rtp;
    size_t length = (size_t)data[1] << 8 | data[2];
    data += HEAD;
    size -= HEAD;
    length = length < size ? length : size;
    BlSrtpStatus first = receive (srtp, unprotect, data, length);
    BlSrtpStatus second = receive (srtp, unprotect, data, length);
    BlSrtpStatus used = rtcp ? BL_SRTP_REPLAYED : BL_SRTP_COPY;
    bl_assert (second == (first == BL_SRTP_OK ? used : first));
    data += length;
    size -= length;
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const BlSrtpProfile profiles[]
      = { BL_SRTP_AEAD_AES_128_GCM, BL_SRTP_AEAD_AES_256_GCM };
  for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
    BlSrtpKeys keys = { .profile = profiles[i] };
    for (unsigned at = 0; at < BL_SRTP_MASTER_MAX; at++)
      keys.remote[at] = (uint8_t)at;
    BlSrtp *srtp = bl_srtp_new (&keys, MAX_SSRCS);
    bl_assert (srtp != NULL);
    feed (srtp, data, size);
    bl_srtp_free (srtp);
  }
  return 0;
}
