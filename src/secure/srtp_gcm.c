/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_gcm.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"

#define NONCE_BYTES 12 /* of the salt too */
#define TAG_BYTES   16

#define RTP_HEADER_BYTES    12
#define RTP_SSRC_AT         8
#define CSRC_BYTES          4
#define EXTENSION_HAS       0x10 /* in the first byte */
#define EXTENSION_HEAD      4
#define RTCP_HEADER_BYTES   8
#define RTCP_SSRC_AT        4
#define RTCP_INDEX_BYTES    4
#define RTCP_ENCRYPTED_FLAG 0x80000000u

#define RTP_INDEX_LAST  ((INT64_C (1) << 48) - 1)
#define RTCP_INDEX_LAST 0x7fffffffu

/* What RFC 3711 section 4.3.2 derives, as far as GCM needs it. */
enum {
  LABEL_RTP_KEY = 0,
  LABEL_RTP_SALT = 2,
  LABEL_RTCP_KEY = 3,
  LABEL_RTCP_SALT = 5,
};

typedef struct {
  uint32_t ssrc;
  uint32_t rtcp_index; /* the last one used; the first is 1, as libsrtp's */
  bool has_rtp;
  int64_t newest;                     /* RTP index: ROC × 2^16 + SEQ */
  uint64_t used[BL_SRTP_WINDOW / 64]; /* a bit an index, modulo the window */
} Stream;

typedef struct {
  EVP_CIPHER_CTX *ctx;
  uint8_t salt[NONCE_BYTES];
} Cipher;

struct BlGcmSender {
  Cipher rtp, rtcp;
  unsigned n_streams;
  Stream streams[BL_SRTP_LOCAL_SSRCS_MAX];
};

/* --- keys ------------------------------------------------------------------
 */

/* The keystream of the master key whose IV is the salt with the label in it;
 * key derivation rate 0, so the index is 0. */
static bool
derive (BlSrtpProfile profile, const uint8_t *master, uint8_t label,
        uint8_t *out, size_t length)
{
  size_t key_bytes = bl_srtp_key_bytes (profile);
  uint8_t iv[16] = { 0 };
  memcpy (iv, master + key_bytes, bl_srtp_salt_bytes (profile));
  iv[7] ^= label;
  memset (out, 0, length);

  int done;
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  bool ok = ctx
            && EVP_EncryptInit_ex2 (
                ctx, key_bytes == 32 ? EVP_aes_256_ctr () : EVP_aes_128_ctr (),
                master, iv, NULL)
            && EVP_EncryptUpdate (ctx, out, &done, out, (int)length);
  EVP_CIPHER_CTX_free (ctx);
  return ok;
}

static bool
init_cipher (Cipher *cipher, BlSrtpProfile profile, const uint8_t *master,
             uint8_t key_label, uint8_t salt_label)
{
  uint8_t key[32];
  size_t key_bytes = bl_srtp_key_bytes (profile);
  cipher->ctx = EVP_CIPHER_CTX_new ();
  bool ok = cipher->ctx && derive (profile, master, key_label, key, key_bytes)
            && derive (profile, master, salt_label, cipher->salt, NONCE_BYTES)
            && EVP_EncryptInit_ex2 (cipher->ctx,
                                    key_bytes == 32 ? EVP_aes_256_gcm ()
                                                    : EVP_aes_128_gcm (),
                                    key, NULL, NULL);
  OPENSSL_cleanse (key, sizeof key);
  return ok;
}

BlGcmSender *
bl_gcm_sender_new (BlSrtpProfile profile, const uint8_t *master)
{
  bl_assert (bl_srtp_salt_bytes (profile) == NONCE_BYTES);
  BlGcmSender *sender = calloc (1, sizeof *sender);
  if (!sender)
    return NULL;
  if (init_cipher (&sender->rtp, profile, master, LABEL_RTP_KEY, LABEL_RTP_SALT)
      && init_cipher (&sender->rtcp, profile, master, LABEL_RTCP_KEY,
                      LABEL_RTCP_SALT))
    return sender;
  bl_gcm_sender_free (sender);
  return NULL;
}

void
bl_gcm_sender_free (BlGcmSender *sender)
{
  if (!sender)
    return;
  EVP_CIPHER_CTX_free (sender->rtp.ctx);
  EVP_CIPHER_CTX_free (sender->rtcp.ctx);
  OPENSSL_cleanse (sender, sizeof *sender);
  free (sender);
}

/* --- indices -------------------------------------------------------------- */

/* The stream of an SSRC, a new one if need be; NULL if there are too many. */
static Stream *
find_stream (BlGcmSender *sender, uint32_t ssrc)
{
  for (unsigned i = 0; i < sender->n_streams; i++)
    if (sender->streams[i].ssrc == ssrc)
      return &sender->streams[i];
  if (sender->n_streams == BL_SRTP_LOCAL_SSRCS_MAX)
    return NULL;
  Stream *stream = &sender->streams[sender->n_streams++];
  stream->ssrc = ssrc;
  return stream;
}

static uint64_t *
word_of (Stream *stream, int64_t index)
{
  return &stream->used[index % BL_SRTP_WINDOW / 64];
}

static uint64_t
bit_of (int64_t index)
{
  return UINT64_C (1) << (index % 64);
}

/* Moves the window so that `index` is its newest. */
static void
move_window (Stream *stream, int64_t index)
{
  if (index - stream->newest >= BL_SRTP_WINDOW)
    memset (stream->used, 0, sizeof stream->used);
  else
    for (int64_t i = stream->newest + 1; i <= index; i++)
      *word_of (stream, i) &= ~bit_of (i);
  stream->newest = index;
}

/* Takes the index of this sequence number out of use. */
static BlSrtpStatus
claim_rtp_index (Stream *stream, uint16_t seq, int64_t *out_index)
{
  int64_t index = seq;
  if (stream->has_rtp)
    index = stream->newest + (int16_t)(seq - (uint16_t)stream->newest);
  if (index > RTP_INDEX_LAST)
    return BL_SRTP_FAILED;
  if (index < 0 || index <= stream->newest - BL_SRTP_WINDOW)
    return BL_SRTP_REPLAYED;
  if (!stream->has_rtp || index > stream->newest)
    move_window (stream, index);
  if (*word_of (stream, index) & bit_of (index))
    return BL_SRTP_REPLAYED;
  *word_of (stream, index) |= bit_of (index);
  stream->has_rtp = true;
  *out_index = index;
  return BL_SRTP_OK;
}

/* --- packets -------------------------------------------------------------- */

static uint32_t
read_be32 (const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8
         | at[3];
}

static void
write_be32 (uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

/* RFC 7714 sections 8.1 and 9.1: two zero bytes, SSRC, and the index in six,
 * all XORed with the salt. */
static void
make_nonce (const Cipher *cipher, uint32_t ssrc, uint64_t index,
            uint8_t out_nonce[NONCE_BYTES])
{
  uint8_t *nonce = out_nonce;
  nonce[0] = nonce[1] = 0;
  write_be32 (nonce + 2, ssrc);
  nonce[6] = (uint8_t)(index >> 40);
  nonce[7] = (uint8_t)(index >> 32);
  write_be32 (nonce + 8, (uint32_t)index);
  for (unsigned i = 0; i < NONCE_BYTES; i++)
    nonce[i] ^= cipher->salt[i];
}

static bool
begin (Cipher *cipher, uint32_t ssrc, uint64_t index)
{
  uint8_t nonce[NONCE_BYTES];
  make_nonce (cipher, ssrc, index, nonce);
  return EVP_EncryptInit_ex2 (cipher->ctx, NULL, NULL, nonce, NULL);
}

static bool
authenticate (Cipher *cipher, const uint8_t *data, size_t length)
{
  int done;
  return EVP_EncryptUpdate (cipher->ctx, NULL, &done, data, (int)length);
}

/* Encrypts in place; the tag goes behind. */
static bool
encrypt (Cipher *cipher, uint8_t *data, size_t length)
{
  int done;
  OSSL_PARAM tag[] = {
    OSSL_PARAM_octet_string (OSSL_CIPHER_PARAM_AEAD_TAG, data + length,
                             TAG_BYTES),
    OSSL_PARAM_END,
  };
  return EVP_EncryptUpdate (cipher->ctx, data, &done, data, (int)length)
         && EVP_EncryptFinal_ex (cipher->ctx, data + length, &done)
         && EVP_CIPHER_CTX_get_params (cipher->ctx, tag);
}

/* Bytes before the payload: CSRCs and extension are sent in the clear. 0 if
 * they don't fit. */
static size_t
rtp_header_bytes (const uint8_t *packet, size_t length)
{
  size_t bytes = RTP_HEADER_BYTES + CSRC_BYTES * (packet[0] & 0x0f);
  if (packet[0] & EXTENSION_HAS) {
    if (length < bytes + EXTENSION_HEAD)
      return 0;
    size_t words = (size_t)packet[bytes + 2] << 8 | packet[bytes + 3];
    bytes += EXTENSION_HEAD + 4 * words;
  }
  return bytes <= length ? bytes : 0;
}

BlSrtpStatus
bl_gcm_sender_protect_rtp (BlGcmSender *sender, uint8_t *packet, size_t *length)
{
  size_t header
      = *length < RTP_HEADER_BYTES ? 0 : rtp_header_bytes (packet, *length);
  if (header == 0)
    return BL_SRTP_SHORT;
  Stream *stream = find_stream (sender, read_be32 (packet + RTP_SSRC_AT));
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  uint16_t seq = (uint16_t)(packet[2] << 8 | packet[3]);
  int64_t index;
  BlSrtpStatus status = claim_rtp_index (stream, seq, &index);
  if (status != BL_SRTP_OK)
    return status;
  Cipher *cipher = &sender->rtp;
  if (!begin (cipher, stream->ssrc, (uint64_t)index)
      || !authenticate (cipher, packet, header)
      || !encrypt (cipher, packet + header, *length - header))
    return BL_SRTP_FAILED;
  *length += TAG_BYTES;
  return BL_SRTP_OK;
}

BlSrtpStatus
bl_gcm_sender_protect_rtcp (BlGcmSender *sender, uint8_t *packet,
                            size_t *length)
{
  if (*length < RTCP_HEADER_BYTES)
    return BL_SRTP_SHORT;
  Stream *stream = find_stream (sender, read_be32 (packet + RTCP_SSRC_AT));
  if (!stream)
    return BL_SRTP_MANY_SSRCS;
  if (stream->rtcp_index == RTCP_INDEX_LAST)
    return BL_SRTP_FAILED;
  uint32_t index = ++stream->rtcp_index;
  uint8_t trailer[RTCP_INDEX_BYTES];
  write_be32 (trailer, RTCP_ENCRYPTED_FLAG | index);
  Cipher *cipher = &sender->rtcp;
  if (!begin (cipher, stream->ssrc, index)
      || !authenticate (cipher, packet, RTCP_HEADER_BYTES)
      || !authenticate (cipher, trailer, RTCP_INDEX_BYTES)
      || !encrypt (cipher, packet + RTCP_HEADER_BYTES,
                   *length - RTCP_HEADER_BYTES))
    return BL_SRTP_FAILED;
  *length += TAG_BYTES;
  memcpy (packet + *length, trailer, RTCP_INDEX_BYTES);
  *length += RTCP_INDEX_BYTES;
  return BL_SRTP_OK;
}
