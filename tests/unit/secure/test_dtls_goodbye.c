/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that have let go of their handshake, against plain OpenSSL at the
 * other end: goodbyes are said and heard, and nothing else is taken for one.
 */
#include <openssl/evp.h>
#include <string.h>

#include "../run_suite.h"
#include "foreign.h"
#include "secure/dtls.h"
#include "secure/dtls_goodbye.h"

#define NOW_UNIX_S INT64_C (1800000000)

static const char *const ciphers[] = {
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
};
#define N_CIPHERS (int)G_N_ELEMENTS (ciphers)

static BlCert *cert;
static BlDtlsContext *context;
static Foreign foreign;
static BlDtls *ours;

static void
set_up (void)
{
  cert = bl_cert_new_self_signed ("relay", NOW_UNIX_S, NULL);
  context = bl_dtls_context_new (cert, NULL);
  ck_assert_ptr_nonnull (context);
}

static void
tear_down (void)
{
  bl_dtls_free (ours);
  foreign_clear (&foreign);
  bl_dtls_context_free (context);
  bl_cert_free (cert);
}

static void
connect_as (BlDtlsRole role, const char *cipher)
{
  BlFingerprint print;
  foreign_init (&foreign, &print);
  ck_assert (SSL_CTX_set_cipher_list (foreign.ctx, cipher));
  SSL_CTX_set_tlsext_use_srtp (foreign.ctx, "SRTP_AEAD_AES_128_GCM");
  ours = bl_dtls_new (context, role, &print, 1);
  foreign_start (&foreign, role == BL_DTLS_CLIENT);
  foreign_talk (&foreign, ours);
  foreign_talk (&foreign, ours);
  ck_assert_msg (bl_dtls_state (ours) == BL_DTLS_UP, "%s",
                 bl_dtls_failure_text (ours));
  ck_assert_str_eq (SSL_get_cipher_name (foreign.ssl), cipher);
}

static bool
is_settled (void)
{
  BlSrtpKeys keys;
  return bl_dtls_state (ours) == BL_DTLS_UP && !bl_dtls_keys (ours, &keys);
}

static void
settle (void)
{
  ck_assert (bl_dtls_settle (ours));
  ck_assert (is_settled ());
  ck_assert (bl_dtls_settle (ours));
  uint8_t out[BL_DTLS_MTU_BYTES];
  ck_assert_uint_eq (bl_dtls_next_output (ours, out, sizeof out), 0);
}

/* The foreign end's close_notify. */
static size_t
foreign_goodbye (uint8_t *datagram)
{
  SSL_shutdown (foreign.ssl);
  size_t length = foreign_next (&foreign, datagram);
  ck_assert_uint_gt (length, 13);
  return length;
}

static bool
foreign_hears_goodbye (void)
{
  uint8_t data[BL_DTLS_MTU_BYTES], unwanted[16];
  size_t length = bl_dtls_next_output (ours, data, sizeof data);
  if (length == 0)
    return false;
  BIO_write (SSL_get_rbio (foreign.ssl), data, (int)length);
  ck_assert_int_le (SSL_read (foreign.ssl, unwanted, sizeof unwanted), 0);
  return SSL_get_shutdown (foreign.ssl) & SSL_RECEIVED_SHUTDOWN;
}

/* _i: the cipher, first with us as the server, then as the client. */
START_TEST (a_goodbye_of_the_peer_is_heard_and_answered)
{
  connect_as (_i < N_CIPHERS ? BL_DTLS_SERVER : BL_DTLS_CLIENT,
              ciphers[_i % N_CIPHERS]);
  settle ();
  uint8_t goodbye[2048];
  size_t length = foreign_goodbye (goodbye);
  ck_assert_int_eq (bl_dtls_receive (ours, goodbye, length), BL_DTLS_CLOSED);
  ck_assert (foreign_hears_goodbye ());
  ck_assert (!foreign_hears_goodbye ());
}
END_TEST

START_TEST (a_goodbye_of_ours_is_heard_by_the_peer)
{
  connect_as (_i < N_CIPHERS ? BL_DTLS_SERVER : BL_DTLS_CLIENT,
              ciphers[_i % N_CIPHERS]);
  settle ();
  bl_dtls_close (ours);
  ck_assert_int_eq (bl_dtls_state (ours), BL_DTLS_CLOSED);
  ck_assert (foreign_hears_goodbye ());
  ck_assert (!foreign_hears_goodbye ());
}
END_TEST

START_TEST (a_goodbye_behind_other_records_is_heard)
{
  connect_as (BL_DTLS_SERVER, ciphers[_i]);
  settle ();
  uint8_t datagram[2048];
  ck_assert_int_eq (SSL_write (foreign.ssl, "data", 4), 4);
  size_t length = foreign_next (&foreign, datagram);
  ck_assert_int_eq (bl_dtls_receive (ours, datagram, length), BL_DTLS_UP);
  length += foreign_goodbye (datagram + length);
  ck_assert_int_eq (bl_dtls_receive (ours, datagram, length), BL_DTLS_CLOSED);
}
END_TEST

START_TEST (a_changed_or_cut_goodbye_is_none)
{
  connect_as (BL_DTLS_SERVER, ciphers[_i]);
  settle ();
  uint8_t goodbye[2048];
  size_t length = foreign_goodbye (goodbye);
  for (size_t bit = 0; bit < 8 * length; bit++) {
    goodbye[bit / 8] ^= (uint8_t)(1 << bit % 8);
    ck_assert_int_eq (bl_dtls_receive (ours, goodbye, length), BL_DTLS_UP);
    goodbye[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  for (size_t cut = 0; cut < length; cut++) {
    /* Of just this size, so that a read behind it is found. */
    uint8_t *part = g_memdup2 (goodbye, cut + 1);
    ck_assert_int_eq (bl_dtls_receive (ours, part, cut), BL_DTLS_UP);
    g_free (part);
  }
  ck_assert_int_eq (bl_dtls_receive (ours, goodbye, length), BL_DTLS_CLOSED);
}
END_TEST

/* An alert of the client, sealed here with the keys of its own end. */
static size_t
seal_alert (uint8_t level, uint8_t description, uint8_t *out)
{
  static const uint8_t header[13]
      = { 21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 26 };
  static const uint8_t known[13]
      = { 0, 1, 0, 0, 0, 0, 0, 1, 21, 0xfe, 0xfd, 0, 2 };
  uint8_t nonce[12] = { 0 };
  BlDtlsGoodbye keys;
  int done;
  ck_assert (bl_dtls_goodbye_init (&keys, foreign.ssl, true));
  memcpy (out, header, 13);
  memset (out + 13, 7, 8);
  memcpy (nonce, keys.iv, 4);
  memset (nonce + 4, 7, 8);
  out[21] = level;
  out[22] = description;
  EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new ();
  ck_assert (EVP_EncryptInit_ex2 (ctx, keys.cipher, keys.key, nonce, NULL)
             && EVP_EncryptUpdate (ctx, NULL, &done, known, 13)
             && EVP_EncryptUpdate (ctx, out + 21, &done, out + 21, 2)
             && EVP_EncryptFinal_ex (ctx, out + 23, &done)
             && EVP_CIPHER_CTX_ctrl (ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 23));
  EVP_CIPHER_CTX_free (ctx);
  return 13 + 26;
}

START_TEST (a_fatal_alert_ends_it_and_a_warning_does_not)
{
  uint8_t alert[64];
  connect_as (BL_DTLS_SERVER, ciphers[0]);
  settle ();
  size_t length = seal_alert (1, 100, alert);
  ck_assert_int_eq (bl_dtls_receive (ours, alert, length), BL_DTLS_UP);
  length = seal_alert (2, 40, alert);
  ck_assert_int_eq (bl_dtls_receive (ours, alert, length), BL_DTLS_FAILED);
  ck_assert_int_eq (bl_dtls_failure (ours), BL_DTLS_FAILURE_ALERT);
  ck_assert_str_ne (bl_dtls_failure_text (ours), "");
}
END_TEST

START_TEST (only_what_is_up_lets_go)
{
  BlFingerprint print;
  uint8_t data[2048];
  foreign_init (&foreign, &print);
  SSL_CTX_set_tlsext_use_srtp (foreign.ctx, "SRTP_AEAD_AES_128_GCM");
  ours = bl_dtls_new (context, BL_DTLS_SERVER, &print, 1);
  ck_assert (!bl_dtls_settle (ours));
  foreign_start (&foreign, false);
  foreign_talk (&foreign, ours);
  ck_assert_int_eq (bl_dtls_state (ours), BL_DTLS_UP);
  bl_dtls_close (ours);
  ck_assert (!bl_dtls_settle (ours));
  ck_assert_int_eq (bl_dtls_state (ours), BL_DTLS_CLOSED);
  ck_assert_uint_gt (bl_dtls_next_output (ours, data, sizeof data), 13);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/dtls_goodbye");
  TCase *tcase = tcase_create ("dtls_goodbye");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, a_goodbye_of_the_peer_is_heard_and_answered, 0,
                       2 * N_CIPHERS);
  tcase_add_loop_test (tcase, a_goodbye_of_ours_is_heard_by_the_peer, 0,
                       2 * N_CIPHERS);
  tcase_add_loop_test (tcase, a_goodbye_behind_other_records_is_heard, 0,
                       N_CIPHERS);
  tcase_add_loop_test (tcase, a_changed_or_cut_goodbye_is_none, 0, N_CIPHERS);
  tcase_add_test (tcase, a_fatal_alert_ends_it_and_a_warning_does_not);
  tcase_add_test (tcase, only_what_is_up_lets_go);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
