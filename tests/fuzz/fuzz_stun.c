/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/blassert.h"
#include "rtc/demux.h"
#include "rtc/stun.h"

/* As in RFC 5769, so that the seeds authenticate. */
#define UFRAG    "evtj"
#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlAddress from;
  bl_assert (bl_address_parse ("2001:db8::1", 50000, &from));

  const char *ufrag = NULL;
  size_t ufrag_length = 0;
  bool found = bl_stun_peek_ufrag (data, size, &ufrag, &ufrag_length);
  if (found)
    bl_assert (ufrag_length > 0 && ufrag_length <= BL_STUN_CREDENTIAL_MAX
               && (const uint8_t *)ufrag > data
               && (const uint8_t *)ufrag + ufrag_length < data + size);

  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length = SIZE_MAX;
  BlStunResult result = bl_stun_answer (data, size, UFRAG, PASSWORD, &from,
                                        &request, reply, &reply_length);
  bl_assert (reply_length <= sizeof reply);
  bl_assert (result != BL_STUN_IGNORED || reply_length == 0);
  if (result == BL_STUN_OK)
    bl_assert (found && ufrag_length == strlen (UFRAG)
               && memcmp (ufrag, UFRAG, ufrag_length) == 0
               && bl_demux (data, size) == BL_DEMUX_STUN);
  if (reply_length > 0)
    bl_assert (bl_demux (reply, reply_length) == BL_DEMUX_STUN);
  return 0;
}
