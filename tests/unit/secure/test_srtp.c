/* SPDX-License-Identifier: Apache-2.0
 *
 * SRTP against an implementation of its own: the key derivation and the
 * ciphers are written again here over OpenSSL, proven against the vectors of
 * RFC 3711 B.2, B.3 and RFC 7714 16.1.1, and then compared with what
 * secure/srtp gives byte by byte.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "../run_suite.h"
#include "secure/srtp.h"

/* RFC 3711 B.3. */
static const uint8_t b3_key[16]
    = { 0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0,
        0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39 };
static const uint8_t b3_salt[14] = { 0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE,
                                     0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6 };
static const uint8_t b3_cipher_key[16]
    = { 0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE,
        0x10, 0x73, 0x4A, 0xFE, 0x3F, 0xF7, 0xA0, 0x87 };
static const uint8_t b3_cipher_salt[14]
    = { 0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C,
        0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1 };
static const uint8_t b3_auth_key[20]
    = { 0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4,
        0xAB, 0x49, 0xAF, 0x25, 0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4 };

/* RFC 3711 B.2: the first and the last block of the example's keystream. */
static const uint8_t b2_key[16]
    = { 0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6,
        0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C };
static const uint8_t b2_iv[16]
    = { 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7,
        0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0x00, 0x00 };
static const uint8_t b2_first[16]
    = { 0xE0, 0x3E, 0xAD, 0x09, 0x35, 0xC9, 0x5E, 0x80,
        0xE1, 0x66, 0xB1, 0x6D, 0xD9, 0x2B, 0x4E, 0xB4 };

/* RFC 7714 16.1.1: SRTP, AEAD_AES_128_GCM, session key and salt. */
static const uint8_t gcm_key[16]
    = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t gcm_salt[12] = { 0x51, 0x75, 0x69, 0x64, 0x20, 0x70,
                                      0x72, 0x6f, 0x20, 0x71, 0x75, 0x6f };
static const uint8_t gcm_packet[] = {
  0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2, 0x47,
  0x61, 0x6c, 0x6c, 0x69, 0x61, 0x20, 0x65, 0x73, 0x74, 0x20, 0x6f, 0x6d, 0x6e,
  0x69, 0x73, 0x20, 0x64, 0x69, 0x76, 0x69, 0x73, 0x61, 0x20, 0x69, 0x6e, 0x20,
  0x70, 0x61, 0x72, 0x74, 0x65, 0x73, 0x20, 0x74, 0x72, 0x65, 0x73,
};
static const uint8_t gcm_protected[] = {
  0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0,
  0xb2, 0xf2, 0x4d, 0xe3, 0xa3, 0xfb, 0x34, 0xde, 0x6c, 0xac, 0xba,
  0x86, 0x1c, 0x9d, 0x7e, 0x4b, 0xca, 0xbe, 0x63, 0x3b, 0xd5, 0x0d,
  0x29, 0x4e, 0x6f, 0x42, 0xa5, 0xf4, 0x7a, 0x51, 0xc7, 0xd1, 0x9b,
  0x36, 0xde, 0x3a, 0xdf, 0x88, 0x33, 0x89, 0x9d, 0x7f, 0x27, 0xbe,
  0xb1, 0x6a, 0x91, 0x52, 0xcf, 0x76, 0x5e, 0xe4, 0x39, 0x0c, 0xce,
};

/* RFC 7714 17.1 and 17.3: SRTCP under the same key and salt, encrypted and
 * authenticated alone. */
static const uint8_t gcm_report[] = {
  0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x4e, 0x54, 0x50, 0x31, 0x4e,
  0x54, 0x50, 0x32, 0x52, 0x54, 0x50, 0x20, 0x00, 0x00, 0x04, 0x2a, 0x00, 0x00,
  0xe9, 0x30, 0x4c, 0x75, 0x6e, 0x61, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe,
  0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef,
};
static const uint8_t gcm_encrypted_report[] = {
  0x81, 0xc8, 0x00, 0x0d, 0x4d, 0x61, 0x72, 0x73, 0x63, 0xe9, 0x48, 0x85,
  0xdc, 0xda, 0xb6, 0x7c, 0xa7, 0x27, 0xd7, 0x66, 0x2f, 0x6b, 0x7e, 0x99,
  0x7f, 0xf5, 0xc0, 0xf7, 0x6c, 0x06, 0xf3, 0x2d, 0xc6, 0x76, 0xa5, 0xf1,
  0x73, 0x0d, 0x6f, 0xda, 0x4c, 0xe0, 0x9b, 0x46, 0x86, 0x30, 0x3d, 0xed,
  0x0b, 0xb9, 0x27, 0x5b, 0xc8, 0x4a, 0xa4, 0x58, 0x96, 0xcf, 0x4d, 0x2f,
  0xc5, 0xab, 0xf8, 0x72, 0x45, 0xd9, 0xea, 0xde, 0x80, 0x00, 0x05, 0xd4,
};
static const uint8_t gcm_report_tag[16]
    = { 0x84, 0x1d, 0xd9, 0x68, 0x3d, 0xd7, 0x8e, 0xc9,
        0x2a, 0xe5, 0x87, 0x90, 0x12, 0x5f, 0x62, 0xb3 };

/* --- the second implementation ------------------------------------------ */

static void
ref_ctr (const uint8_t *key, size_t key_bytes, const uint8_t iv[16],
         uint8_t *data, size_t length)
{
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  const EVP_CIPHER *cipher
      = key_bytes == 32 ? EVP_aes_256_ctr () : EVP_aes_128_ctr ();
  int out;
  ck_assert (EVP_EncryptInit_ex (ctx, cipher, NULL, key, iv));
  ck_assert (EVP_EncryptUpdate (ctx, data, &out, data, (int)length));
  EVP_CIPHER_CTX_free (ctx);
}

/* RFC 3711 section 4.3.1: the label at the salt's 7th byte; GCM's salt of 12
 * bytes is followed by zeros (RFC 7714 section 11). */
static void
ref_derive (const uint8_t *key, size_t key_bytes, const uint8_t *salt,
            size_t salt_bytes, uint8_t label, uint8_t *out, size_t length)
{
  uint8_t iv[16] = { 0 };
  memcpy (iv, salt, salt_bytes);
  iv[7] ^= label;
  memset (out, 0, length);
  ref_ctr (key, key_bytes, iv, out, length);
}

/* Payload encrypted, tag of 10 bytes behind it (RFC 3711 section 4). */
static size_t
ref_protect_cm (const uint8_t key[16], const uint8_t salt[14],
                const uint8_t auth_key[20], uint32_t roc, uint8_t *packet,
                size_t length)
{
  uint8_t iv[16] = { 0 }, digest[20], roc_bytes[4];
  for (int i = 0; i < 4; i++)
    roc_bytes[i] = (uint8_t)(roc >> (24 - 8 * i));
  memcpy (iv, salt, 14);
  for (int i = 0; i < 4; i++)
    iv[4 + i] ^= packet[8 + i];
  for (int i = 0; i < 4; i++)
    iv[8 + i] ^= roc_bytes[i];
  for (int i = 0; i < 2; i++)
    iv[12 + i] ^= packet[2 + i];
  ref_ctr (key, 16, iv, packet + 12, length - 12);
  memcpy (packet + length, roc_bytes, 4);
  ck_assert (
      HMAC (EVP_sha1 (), auth_key, 20, packet, length + 4, digest, NULL));
  memcpy (packet + length, digest, 10);
  return length + 10;
}

static void
put_be32 (uint8_t *at, uint32_t value)
{
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* In place, the tag behind. */
static void
ref_gcm (const uint8_t *key, size_t key_bytes, const uint8_t iv[12],
         const uint8_t *aad, size_t aad_bytes, uint8_t *data, size_t length)
{
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  const EVP_CIPHER *cipher
      = key_bytes == 32 ? EVP_aes_256_gcm () : EVP_aes_128_gcm ();
  int out;
  ck_assert (EVP_EncryptInit_ex (ctx, cipher, NULL, key, iv));
  ck_assert (EVP_EncryptUpdate (ctx, NULL, &out, aad, (int)aad_bytes));
  ck_assert (EVP_EncryptUpdate (ctx, data, &out, data, (int)length));
  ck_assert (EVP_EncryptFinal_ex (ctx, data + length, &out));
  ck_assert (
      EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_GET_TAG, 16, data + length));
  EVP_CIPHER_CTX_free (ctx);
}

/* RFC 7714 section 8: the header is authenticated, the payload encrypted. */
static size_t
ref_protect_gcm (const uint8_t *key, size_t key_bytes, const uint8_t salt[12],
                 uint32_t roc, uint8_t *packet, size_t length)
{
  uint8_t iv[12] = { 0 };
  memcpy (iv + 2, packet + 8, 4);
  put_be32 (iv + 6, roc);
  memcpy (iv + 10, packet + 2, 2);
  for (int i = 0; i < 12; i++)
    iv[i] ^= salt[i];
  ref_gcm (key, key_bytes, iv, packet, 12, packet + 12, length - 12);
  return length + 16;
}

/* Section 9: `word` is E flag and index; what is in the clear is authenticated,
 * and the word behind it. */
static size_t
ref_protect_gcm_rtcp (const uint8_t *key, size_t key_bytes,
                      const uint8_t salt[12], uint32_t word, uint8_t *packet,
                      size_t length)
{
  uint8_t iv[12] = { 0 }, aad[256];
  size_t clear = word & 0x80000000u ? 8 : length;
  memcpy (iv + 2, packet + 4, 4);
  put_be32 (iv + 8, word & 0x7fffffff);
  for (int i = 0; i < 12; i++)
    iv[i] ^= salt[i];
  memcpy (aad, packet, clear);
  put_be32 (aad + clear, word);
  ref_gcm (key, key_bytes, iv, aad, clear + 4, packet + clear, length - clear);
  put_be32 (packet + length + 16, word);
  return length + 20;
}

/* --- helpers ----------------------------------------------------------------
 */

static const BlSrtpProfile all_profiles[] = {
  BL_SRTP_AEAD_AES_128_GCM,
  BL_SRTP_AES128_CM_SHA1_80,
  BL_SRTP_AEAD_AES_256_GCM,
};
#define N_PROFILES 3

static BlSrtpKeys
some_keys (BlSrtpProfile profile)
{
  BlSrtpKeys keys = { .profile = profile };
  for (size_t i = 0; i < BL_SRTP_MASTER_MAX; i++) {
    keys.local[i] = (uint8_t)(i * 7 + 1);
    keys.remote[i] = (uint8_t)(i * 5 + 3);
  }
  return keys;
}

/* Two ends of one session. */
static void
make_pair (BlSrtpProfile profile, unsigned max_ssrcs, BlSrtp **out_here,
           BlSrtp **out_there)
{
  BlSrtpKeys here = some_keys (profile), there = { .profile = profile };
  memcpy (there.local, here.remote, sizeof there.local);
  memcpy (there.remote, here.local, sizeof there.remote);
  *out_here = bl_srtp_new (&here, max_ssrcs);
  *out_there = bl_srtp_new (&there, max_ssrcs);
  ck_assert (*out_here && *out_there);
}

#define PAYLOAD 100

static size_t
make_rtp (uint8_t *packet, uint16_t seq, uint32_t ssrc)
{
  memset (packet, 0, 12);
  packet[0] = 0x80;
  packet[1] = 96;
  packet[2] = (uint8_t)(seq >> 8);
  packet[3] = (uint8_t)seq;
  for (int i = 0; i < 4; i++)
    packet[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
  for (int i = 0; i < PAYLOAD; i++)
    packet[12 + i] = (uint8_t)(i ^ seq);
  return 12 + PAYLOAD;
}

/* A receiver report without blocks. */
static size_t
make_rtcp (uint8_t *packet, uint32_t ssrc)
{
  static const uint8_t header[4] = { 0x80, 201, 0, 1 };
  memcpy (packet, header, 4);
  for (int i = 0; i < 4; i++)
    packet[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
  return 8;
}

static BlSrtpStatus
carry_rtp (BlSrtp *from, BlSrtp *to, uint16_t seq, uint32_t ssrc)
{
  uint8_t packet[256], before[256];
  size_t length = make_rtp (packet, seq, ssrc);
  memcpy (before, packet, length);
  ck_assert_int_eq (bl_srtp_protect_rtp (from, packet, &length, sizeof packet),
                    BL_SRTP_OK);
  BlSrtpStatus status = bl_srtp_unprotect_rtp (to, packet, &length);
  if (status == BL_SRTP_OK) {
    ck_assert_uint_eq (length, 12 + PAYLOAD);
    ck_assert_mem_eq (packet, before, length);
  }
  return status;
}

/* --- tests
 * -------------------------------------------------------------------- */

START_TEST (reference_agrees_with_the_rfcs)
{
  uint8_t out[64] = { 0 };
  ref_ctr (b2_key, 16, b2_iv, out, 16);
  ck_assert_mem_eq (out, b2_first, 16);
  ref_derive (b3_key, 16, b3_salt, 14, 0, out, 16);
  ck_assert_mem_eq (out, b3_cipher_key, 16);
  ref_derive (b3_key, 16, b3_salt, 14, 2, out, 14);
  ck_assert_mem_eq (out, b3_cipher_salt, 14);
  ref_derive (b3_key, 16, b3_salt, 14, 1, out, 20);
  ck_assert_mem_eq (out, b3_auth_key, 20);

  uint8_t packet[128];
  memcpy (packet, gcm_packet, sizeof gcm_packet);
  size_t length
      = ref_protect_gcm (gcm_key, 16, gcm_salt, 0, packet, sizeof gcm_packet);
  ck_assert_uint_eq (length, sizeof gcm_protected);
  ck_assert_mem_eq (packet, gcm_protected, length);

  size_t plain = sizeof gcm_report;
  memcpy (packet, gcm_report, plain);
  length
      = ref_protect_gcm_rtcp (gcm_key, 16, gcm_salt, 0x800005d4, packet, plain);
  ck_assert_uint_eq (length, sizeof gcm_encrypted_report);
  ck_assert_mem_eq (packet, gcm_encrypted_report, length);
  memcpy (packet, gcm_report, plain);
  ref_protect_gcm_rtcp (gcm_key, 16, gcm_salt, 0x5d4, packet, plain);
  ck_assert_mem_eq (packet, gcm_report, plain);
  ck_assert_mem_eq (packet + plain, gcm_report_tag, 16);
}
END_TEST

START_TEST (aes_cm_protects_as_rfc_3711_says)
{
  BlSrtpKeys keys = { .profile = BL_SRTP_AES128_CM_SHA1_80 };
  memcpy (keys.local, b3_key, 16);
  memcpy (keys.local + 16, b3_salt, 14);
  BlSrtp *srtp = bl_srtp_new (&keys, 1);
  uint8_t ours[256], theirs[256];
  size_t length = make_rtp (ours, 0x1234, 0xcafebabe);
  make_rtp (theirs, 0x1234, 0xcafebabe);
  size_t expected = ref_protect_cm (b3_cipher_key, b3_cipher_salt, b3_auth_key,
                                    0, theirs, length);
  ck_assert_int_eq (bl_srtp_protect_rtp (srtp, ours, &length, sizeof ours),
                    BL_SRTP_OK);
  ck_assert_uint_eq (length, expected);
  ck_assert_mem_eq (ours, theirs, length);
  bl_srtp_free (srtp);
}
END_TEST

/* _i: which profile; only the two of GCM. */
START_TEST (aes_gcm_protects_as_rfc_7714_says)
{
  BlSrtpProfile profile
      = _i == 0 ? BL_SRTP_AEAD_AES_128_GCM : BL_SRTP_AEAD_AES_256_GCM;
  BlSrtpKeys keys = some_keys (profile);
  size_t key_bytes = bl_srtp_key_bytes (profile);
  uint8_t key[32], salt[12], ours[256], theirs[256];
  ref_derive (keys.local, key_bytes, keys.local + key_bytes, 12, 0, key,
              key_bytes);
  ref_derive (keys.local, key_bytes, keys.local + key_bytes, 12, 2, salt, 12);

  BlSrtp *srtp = bl_srtp_new (&keys, 1);
  size_t length = make_rtp (ours, 77, 0x01020304);
  make_rtp (theirs, 77, 0x01020304);
  size_t expected = ref_protect_gcm (key, key_bytes, salt, 0, theirs, length);
  ck_assert_int_eq (bl_srtp_protect_rtp (srtp, ours, &length, sizeof ours),
                    BL_SRTP_OK);
  ck_assert_uint_eq (length, expected);
  ck_assert_mem_eq (ours, theirs, length);
  bl_srtp_free (srtp);
}
END_TEST

/* As above; and what comes in, encrypted and not. */
START_TEST (aes_gcm_protects_reports_as_rfc_7714_says)
{
  BlSrtpProfile profile
      = _i == 0 ? BL_SRTP_AEAD_AES_128_GCM : BL_SRTP_AEAD_AES_256_GCM;
  BlSrtpKeys keys = some_keys (profile);
  memcpy (keys.remote, keys.local, sizeof keys.remote);
  size_t key_bytes = bl_srtp_key_bytes (profile);
  uint8_t key[32], salt[12], ours[256], theirs[256];
  ref_derive (keys.local, key_bytes, keys.local + key_bytes, 12, 3, key,
              key_bytes);
  ref_derive (keys.local, key_bytes, keys.local + key_bytes, 12, 5, salt, 12);

  BlSrtp *srtp = bl_srtp_new (&keys, 1);
  size_t length = sizeof gcm_report;
  memcpy (ours, gcm_report, length);
  memcpy (theirs, gcm_report, length);
  size_t expected = ref_protect_gcm_rtcp (key, key_bytes, salt, 0x80000001u,
                                          theirs, length);
  ck_assert_int_eq (bl_srtp_protect_rtcp (srtp, ours, &length, sizeof ours),
                    BL_SRTP_OK);
  ck_assert_uint_eq (length, expected);
  ck_assert_mem_eq (ours, theirs, length);

  for (uint32_t index = 1; index < 4; index++) {
    uint32_t flag = index % 2 ? 0x80000000u : 0;
    memcpy (theirs, gcm_report, sizeof gcm_report);
    length = ref_protect_gcm_rtcp (key, key_bytes, salt, flag | index, theirs,
                                   sizeof gcm_report);
    ck_assert_int_eq (bl_srtp_unprotect_rtcp (srtp, theirs, &length),
                      BL_SRTP_OK);
    ck_assert_uint_eq (length, sizeof gcm_report);
    ck_assert_mem_eq (theirs, gcm_report, length);
  }
  bl_srtp_free (srtp);
}
END_TEST

START_TEST (what_one_end_protects_the_other_reads)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 2, &a, &b);
  for (uint16_t seq = 1; seq < 50; seq++) {
    ck_assert_int_eq (carry_rtp (a, b, seq, 1), BL_SRTP_OK);
    ck_assert_int_eq (carry_rtp (b, a, seq, 2), BL_SRTP_OK);
  }
  for (int i = 0; i < 20; i++) {
    uint8_t packet[64], before[64];
    size_t length = make_rtcp (packet, 1);
    memcpy (before, packet, length);
    ck_assert_int_eq (bl_srtp_protect_rtcp (a, packet, &length, sizeof packet),
                      BL_SRTP_OK);
    ck_assert_uint_gt (length, 8);
    ck_assert_int_eq (bl_srtp_unprotect_rtcp (b, packet, &length), BL_SRTP_OK);
    ck_assert_uint_eq (length, 8);
    ck_assert_mem_eq (packet, before, length);
  }
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (a_packet_comes_in_once)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  uint8_t packet[256], copy[256], late[256], old[256];
  size_t length = make_rtp (packet, 10, 1),
         late_length = make_rtp (late, 11, 1);
  size_t old_length = make_rtp (old, 12, 1), again;
  bl_srtp_protect_rtp (a, packet, &length, sizeof packet);
  bl_srtp_protect_rtp (a, late, &late_length, sizeof late);
  bl_srtp_protect_rtp (a, old, &old_length, sizeof old);
  memcpy (copy, packet, sizeof copy);
  again = length;
  ck_assert_int_eq (bl_srtp_unprotect_rtp (b, packet, &length), BL_SRTP_OK);
  BlSrtpStatus copied = all_profiles[_i] == BL_SRTP_AES128_CM_SHA1_80
                            ? BL_SRTP_REPLAYED
                            : BL_SRTP_COPY;
  ck_assert_int_eq (bl_srtp_unprotect_rtp (b, copy, &again), copied);

  /* Within the window, late is not too late; beyond it, it is. */
  for (uint16_t i = 0; i < BL_SRTP_WINDOW - 20; i++)
    ck_assert_int_eq (carry_rtp (a, b, (uint16_t)(20 + i), 1), BL_SRTP_OK);
  ck_assert_int_eq (bl_srtp_unprotect_rtp (b, late, &late_length), BL_SRTP_OK);
  for (uint16_t i = 0; i < 40; i++)
    ck_assert_int_eq (carry_rtp (a, b, (uint16_t)(BL_SRTP_WINDOW + i), 1),
                      BL_SRTP_OK);
  ck_assert_int_eq (bl_srtp_unprotect_rtp (b, old, &old_length), copied);

  length = make_rtcp (packet, 1);
  bl_srtp_protect_rtcp (a, packet, &length, sizeof packet);
  memcpy (copy, packet, sizeof copy);
  again = length;
  ck_assert_int_eq (bl_srtp_unprotect_rtcp (b, packet, &length), BL_SRTP_OK);
  ck_assert_int_eq (bl_srtp_unprotect_rtcp (b, copy, &again), BL_SRTP_REPLAYED);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (a_changed_bit_is_found_wherever_it_is)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 4, &a, &b);
  uint8_t good[256], bad[256];
  size_t length = make_rtp (good, 5, 1), bad_length;
  bl_srtp_protect_rtp (a, good, &length, sizeof good);
  for (size_t bit = 0; bit < length * 8; bit++) {
    memcpy (bad, good, length);
    bad[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    bad_length = length;
    ck_assert_int_ne (bl_srtp_unprotect_rtp (b, bad, &bad_length), BL_SRTP_OK);
    ck_assert_uint_eq (bad_length, length);
  }
  ck_assert_int_eq (bl_srtp_unprotect_rtp (b, good, &length), BL_SRTP_OK);

  length = make_rtcp (good, 1);
  bl_srtp_protect_rtcp (a, good, &length, sizeof good);
  for (size_t bit = 0; bit < length * 8; bit++) {
    memcpy (bad, good, length);
    bad[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    bad_length = length;
    ck_assert_int_ne (bl_srtp_unprotect_rtcp (b, bad, &bad_length), BL_SRTP_OK);
  }
  ck_assert_int_eq (bl_srtp_unprotect_rtcp (b, good, &length), BL_SRTP_OK);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (other_keys_are_not_authentic)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  /* a's own packets come back to it: its remote keys are others. */
  ck_assert_int_eq (carry_rtp (a, a, 1, 1), BL_SRTP_AUTH);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (sequence_numbers_may_wrap)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  for (uint32_t seq = 0; seq < 3 * 65536; seq += 97)
    ck_assert_int_eq (carry_rtp (a, b, (uint16_t)seq, 1), BL_SRTP_OK);

  /* The roll-over counter is 3 by now, or the tag would not be right. */
  if (all_profiles[_i] == BL_SRTP_AES128_CM_SHA1_80) {
    BlSrtpKeys keys = some_keys (all_profiles[_i]);
    uint8_t key[16], salt[14], auth[20], ours[256], theirs[256];
    ref_derive (keys.local, 16, keys.local + 16, 14, 0, key, 16);
    ref_derive (keys.local, 16, keys.local + 16, 14, 2, salt, 14);
    ref_derive (keys.local, 16, keys.local + 16, 14, 1, auth, 20);
    size_t length = make_rtp (ours, 200, 1);
    make_rtp (theirs, 200, 1);
    ref_protect_cm (key, salt, auth, 3, theirs, length);
    bl_srtp_protect_rtp (a, ours, &length, sizeof ours);
    ck_assert_mem_eq (ours, theirs, length);
  }
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (a_peer_makes_only_so_many_ssrcs)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 3, &a, &b);
  for (uint32_t ssrc = 1; ssrc <= 3; ssrc++)
    ck_assert_int_eq (carry_rtp (a, b, 1, ssrc), BL_SRTP_OK);
  ck_assert_int_eq (carry_rtp (a, b, 1, 4), BL_SRTP_MANY_SSRCS);
  ck_assert_int_eq (carry_rtp (a, b, 2, 3), BL_SRTP_OK);

  uint8_t packet[64];
  size_t length = make_rtcp (packet, 5);
  bl_srtp_protect_rtcp (a, packet, &length, sizeof packet);
  ck_assert_int_eq (bl_srtp_unprotect_rtcp (b, packet, &length),
                    BL_SRTP_MANY_SSRCS);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (forged_packets_use_up_no_ssrc)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  for (uint32_t ssrc = 100; ssrc < 200; ssrc++) {
    uint8_t packet[256];
    size_t length = make_rtp (packet, 1, ssrc) + 16;
    ck_assert_int_eq (bl_srtp_unprotect_rtp (b, packet, &length), BL_SRTP_AUTH);
  }
  ck_assert_int_eq (carry_rtp (a, b, 1, 1), BL_SRTP_OK);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (short_and_twisted_packets_are_refused)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  for (size_t n = 0; n < 64; n++) {
    /* Of just this size, so that a read behind it is found. */
    uint8_t *packet = malloc (n + 1);
    memset (packet, 0xff, n);
    if (n > 0)
      packet[0] = 0x9f; /* 15 CSRCs and an extension that are not there */
    size_t length = n;
    ck_assert_int_ne (bl_srtp_unprotect_rtp (b, packet, &length), BL_SRTP_OK);
    length = n;
    ck_assert_int_ne (bl_srtp_unprotect_rtcp (b, packet, &length), BL_SRTP_OK);
    free (packet);
  }
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (nothing_behind_the_trailer_is_touched)
{
  BlSrtp *a, *b;
  make_pair (all_profiles[_i], 1, &a, &b);
  uint8_t packet[256];
  memset (packet, 0xa5, sizeof packet);
  size_t length = make_rtp (packet, 1, 1), room = length + BL_SRTP_TRAILER_MAX;
  ck_assert_int_eq (bl_srtp_protect_rtp (a, packet, &length, room - 1),
                    BL_SRTP_NO_ROOM);
  ck_assert_int_eq (bl_srtp_protect_rtp (a, packet, &length, room), BL_SRTP_OK);
  for (size_t i = room; i < sizeof packet; i++)
    ck_assert_uint_eq (packet[i], 0xa5);

  memset (packet, 0xa5, sizeof packet);
  length = make_rtcp (packet, 1);
  room = length + BL_SRTP_TRAILER_MAX;
  ck_assert_int_eq (bl_srtp_protect_rtcp (a, packet, &length, room - 1),
                    BL_SRTP_NO_ROOM);
  ck_assert_int_eq (bl_srtp_protect_rtcp (a, packet, &length, room),
                    BL_SRTP_OK);
  for (size_t i = room; i < sizeof packet; i++)
    ck_assert_uint_eq (packet[i], 0xa5);
  bl_srtp_free (a);
  bl_srtp_free (b);
}
END_TEST

START_TEST (keys_are_cleared)
{
  BlSrtpKeys keys = some_keys (BL_SRTP_AEAD_AES_128_GCM), zero;
  memset (&zero, 0, sizeof zero);
  bl_srtp_keys_clear (&keys);
  ck_assert_mem_eq (&keys, &zero, sizeof keys);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/srtp");
  TCase *tcase = tcase_create ("srtp");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, reference_agrees_with_the_rfcs);
  tcase_add_test (tcase, aes_cm_protects_as_rfc_3711_says);
  tcase_add_loop_test (tcase, aes_gcm_protects_as_rfc_7714_says, 0, 2);
  tcase_add_loop_test (tcase, aes_gcm_protects_reports_as_rfc_7714_says, 0, 2);
  tcase_add_loop_test (tcase, what_one_end_protects_the_other_reads, 0,
                       N_PROFILES);
  tcase_add_loop_test (tcase, a_packet_comes_in_once, 0, N_PROFILES);
  tcase_add_loop_test (tcase, a_changed_bit_is_found_wherever_it_is, 0,
                       N_PROFILES);
  tcase_add_loop_test (tcase, other_keys_are_not_authentic, 0, N_PROFILES);
  tcase_add_loop_test (tcase, sequence_numbers_may_wrap, 0, N_PROFILES);
  tcase_add_loop_test (tcase, a_peer_makes_only_so_many_ssrcs, 0, N_PROFILES);
  tcase_add_loop_test (tcase, forged_packets_use_up_no_ssrc, 0, N_PROFILES);
  tcase_add_loop_test (tcase, short_and_twisted_packets_are_refused, 0,
                       N_PROFILES);
  tcase_add_loop_test (tcase, nothing_behind_the_trailer_is_touched, 0,
                       N_PROFILES);
  tcase_add_test (tcase, keys_are_cleared);
  suite_add_tcase (suite, tcase);

  return run_suite (suite);
}
