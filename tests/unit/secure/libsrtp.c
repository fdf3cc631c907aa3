/* SPDX-License-Identifier: Apache-2.0 */
#include "libsrtp.h"

#include <check.h>

#include "base/bytes.h"

static uint64_t state;

void
seed (int number)
{
  state = 0x9e3779b97f4a7c15 * (uint64_t)(number + 1);
}

unsigned
roll (unsigned sides)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)((state >> 11) % sides);
}

BlSrtpKeys
random_keys (BlSrtpProfile profile)
{
  BlSrtpKeys keys = { .profile = profile };
  for (size_t i = 0; i < BL_SRTP_MASTER_MAX; i++)
    keys.local[i] = keys.remote[i] = (uint8_t)roll (256);
  return keys;
}

srtp_t
open_libsrtp (const BlSrtpKeys *keys, srtp_ssrc_type_t direction,
              srtp_sec_serv_t rtcp_services)
{
  static bool ready;
  ready = ready || srtp_init () == srtp_err_status_ok;
  ck_assert (ready);
  BlSrtpKeys copy = *keys;
  srtp_policy_t policy = { .ssrc = { .type = direction },
                           .key = copy.local,
                           .window_size = BL_SRTP_WINDOW };
  if (keys->profile == BL_SRTP_AEAD_AES_128_GCM) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&policy.rtcp);
  } else {
    srtp_crypto_policy_set_aes_gcm_256_16_auth (&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth (&policy.rtcp);
  }
  policy.rtcp.sec_serv = rtcp_services;
  srtp_t context;
  ck_assert_int_eq (srtp_create (&context, &policy), srtp_err_status_ok);
  return context;
}

size_t
make_rtp (uint8_t *packet, uint32_t ssrc, uint16_t seq, unsigned most)
{
  unsigned n_csrcs = roll (4) == 0 ? roll (16) : 0;
  bool extended = roll (2) == 0;
  unsigned words = extended ? roll (20) : 0;
  size_t length = 12 + 4 * n_csrcs + (extended ? 4 + 4 * words : 0)
                  + (roll (20) == 0 ? 0 : roll (most));
  for (size_t i = 0; i < length; i++)
    packet[i] = (uint8_t)roll (256);
  packet[0] = (uint8_t)(0x80 | (extended ? 0x10 : 0) | n_csrcs);
  bl_put_be16 (packet + 2, seq);
  bl_put_be32 (packet + 8, ssrc);
  if (extended) {
    packet[12 + 4 * n_csrcs + 2] = 0;
    packet[12 + 4 * n_csrcs + 3] = (uint8_t)words;
  }
  return length;
}

size_t
make_rtcp (uint8_t *packet, uint32_t ssrc)
{
  size_t length = 8 + 4 * roll (100);
  for (size_t i = 0; i < length; i++)
    packet[i] = (uint8_t)roll (256);
  packet[0] = 0x80;
  packet[1] = 200;
  bl_put_be32 (packet + 4, ssrc);
  return length;
}
