/* SPDX-License-Identifier: Apache-2.0
 *
 * DTLS between two of ours over a network that loses, doubles and reorders,
 * and between ours and plain OpenSSL set up as other clients are. Nothing
 * sleeps: OpenSSL asks gettimeofday() for the time, and this program answers
 * in the place of the C library.
 */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "../run_suite.h"
#include "foreign.h"
#include "secure/dtls.h"

#define NOW_UNIX_S INT64_C (1800000000)

static BlTime clock_us = BL_SECOND;

int gettimeofday (struct timeval *restrict tv, void *restrict zone);

int
gettimeofday (struct timeval *restrict tv, void *restrict zone)
{
  tv->tv_sec = (time_t)(NOW_UNIX_S + clock_us / BL_SECOND);
  tv->tv_usec = (suseconds_t)(clock_us % BL_SECOND);
  return 0;
}

static BlCert *server_cert, *client_cert;
static BlDtlsContext *server_context, *client_context;
static BlFingerprint server_print, client_print;

static void
set_up (void)
{
  clock_us = BL_SECOND;
  server_cert = bl_cert_new_self_signed ("relay", NOW_UNIX_S, NULL);
  client_cert = bl_cert_new_self_signed ("vehicle", NOW_UNIX_S, NULL);
  server_context = bl_dtls_context_new (server_cert, NULL);
  client_context = bl_dtls_context_new (client_cert, NULL);
  ck_assert (server_context && client_context);
  bl_cert_fingerprint (server_cert, &server_print);
  bl_cert_fingerprint (client_cert, &client_print);
}

static void
tear_down (void)
{
  bl_dtls_context_free (server_context);
  bl_dtls_context_free (client_context);
  bl_cert_free (server_cert);
  bl_cert_free (client_cert);
}

static BlDtls *
new_server (void)
{
  return bl_dtls_new (server_context, BL_DTLS_SERVER, &client_print, 1);
}

static BlDtls *
new_client (void)
{
  return bl_dtls_new (client_context, BL_DTLS_CLIENT, &server_print, 1);
}

/* --- a network ---------------------------------------------------------------
 */

#define IN_FLIGHT 64

typedef struct {
  BlDtls *to;
  BlTime arrives;
  size_t length;
  uint8_t data[1500];
} Datagram;

typedef struct {
  unsigned loss_percent, twice_percent;
  BlTime jitter_us, heals_at;
  uint64_t random;
  unsigned count;
  Datagram flying[IN_FLIGHT];
} Network;

static unsigned
roll (Network *n, unsigned sides)
{
  n->random ^= n->random << 13;
  n->random ^= n->random >> 7;
  n->random ^= n->random << 17;
  return (unsigned)((n->random >> 11) % sides);
}

static void
throw_in (Network *n, BlDtls *to, const uint8_t *data, size_t length)
{
  ck_assert_uint_lt (n->count, IN_FLIGHT);
  Datagram *d = &n->flying[n->count++];
  d->to = to;
  d->length = length;
  d->arrives = clock_us + 20 * BL_MS;
  if (n->jitter_us > 0)
    d->arrives += roll (n, (unsigned)n->jitter_us);
  memcpy (d->data, data, length);
}

/* Everything that `from` wants to send goes on its way to `to`. */
static void
collect (Network *n, BlDtls *from, BlDtls *to)
{
  uint8_t data[BL_DTLS_MTU_BYTES];
  size_t length;
  while ((length = bl_dtls_next_output (from, data, sizeof data)) > 0) {
    ck_assert_uint_le (length, BL_DTLS_MTU_BYTES);
    bool healed = clock_us >= n->heals_at;
    if (!healed && roll (n, 100) < n->loss_percent)
      continue;
    throw_in (n, to, data, length);
    if (!healed && roll (n, 100) < n->twice_percent)
      throw_in (n, to, data, length);
  }
}

static BlTime
next_event (const Network *n, const BlDtls *a, const BlDtls *b)
{
  BlTime next
      = MIN (bl_dtls_deadline (a, clock_us), bl_dtls_deadline (b, clock_us));
  for (unsigned i = 0; i < n->count; i++)
    next = MIN (next, n->flying[i].arrives);
  return next;
}

static void
deliver_due (Network *n)
{
  for (unsigned i = 0; i < n->count;) {
    if (n->flying[i].arrives > clock_us) {
      i++;
      continue;
    }
    Datagram d = n->flying[i];
    n->flying[i] = n->flying[--n->count];
    bl_dtls_receive (d.to, d.data, d.length);
  }
}

/* Runs until nothing more will happen, or for a minute. */
static void
run (Network *n, BlDtls *a, BlDtls *b)
{
  BlTime end = clock_us + 60 * BL_SECOND, next;
  collect (n, a, b);
  collect (n, b, a);
  while ((next = next_event (n, a, b)) < end) {
    clock_us = MAX (next, clock_us);
    deliver_due (n);
    if (bl_dtls_deadline (a, clock_us) <= clock_us)
      bl_dtls_on_deadline (a);
    if (bl_dtls_deadline (b, clock_us) <= clock_us)
      bl_dtls_on_deadline (b);
    collect (n, a, b);
    collect (n, b, a);
  }
}

static void
assert_same_keys (BlDtls *a, BlDtls *b, BlSrtpProfile profile)
{
  BlSrtpKeys of_a, of_b;
  ck_assert (bl_dtls_keys (a, &of_a));
  ck_assert (bl_dtls_keys (b, &of_b));
  ck_assert_int_eq (of_a.profile, profile);
  ck_assert_int_eq (of_b.profile, profile);
  ck_assert_mem_eq (of_a.local, of_b.remote, BL_SRTP_MASTER_MAX);
  ck_assert_mem_eq (of_a.remote, of_b.local, BL_SRTP_MASTER_MAX);
  ck_assert_mem_ne (of_a.local, of_a.remote, BL_SRTP_MASTER_MAX);
}

/* --- tests
 * --------------------------------------------------------------------- */

START_TEST (both_ends_come_up_with_the_same_keys)
{
  BlDtls *server = new_server (), *client = new_client ();
  Network network = { .random = 1 };
  BlTime began = clock_us;
  BlSrtpKeys keys;
  ck_assert (!bl_dtls_keys (server, &keys));
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_UP);
  ck_assert_int_eq (bl_dtls_state (client), BL_DTLS_UP);
  assert_same_keys (server, client, BL_SRTP_AEAD_AES_128_GCM);
  ck_assert_str_eq (bl_dtls_failure_text (server), "");
  /* Four flights of 20 ms, and no timer waited for. */
  ck_assert_int_eq (clock_us - began, 80 * BL_MS);
  ck_assert (bl_dtls_deadline (server, clock_us) == BL_TIME_NEVER);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

/* _i: the seed. */
START_TEST (a_bad_network_delays_but_does_not_stop)
{
  Network network = { .loss_percent = 35,
                      .twice_percent = 20,
                      .jitter_us = 60 * BL_MS,
                      .heals_at = clock_us + 3 * BL_SECOND,
                      .random = 0x9e3779b97f4a7c15 * (uint64_t)(_i + 1) };
  BlDtls *server = new_server (), *client = new_client ();
  run (&network, server, client);
  ck_assert_msg (bl_dtls_state (server) == BL_DTLS_UP, "seed %d: server: %s",
                 _i, bl_dtls_failure_text (server));
  ck_assert_msg (bl_dtls_state (client) == BL_DTLS_UP, "seed %d: client: %s",
                 _i, bl_dtls_failure_text (client));
  assert_same_keys (server, client, BL_SRTP_AEAD_AES_128_GCM);
  ck_assert_uint_eq (bl_dtls_stats (server)->output_dropped, 0);
  ck_assert_uint_eq (bl_dtls_stats (client)->output_dropped, 0);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (a_dead_network_ends_in_a_timeout)
{
  Network network
      = { .loss_percent = 100, .heals_at = BL_TIME_NEVER, .random = 7 };
  BlDtls *server = new_server (), *client = new_client ();
  BlTime began = clock_us;
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (client), BL_DTLS_FAILED);
  ck_assert_int_eq (bl_dtls_failure (client), BL_DTLS_FAILURE_TIMEOUT);
  ck_assert_int_gt (clock_us - began, 10 * BL_SECOND);
  ck_assert_int_lt (clock_us - began, 25 * BL_SECOND);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_CONNECTING);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (a_certificate_that_sdp_does_not_name_is_refused)
{
  BlDtls *server
      = bl_dtls_new (server_context, BL_DTLS_SERVER, &server_print, 1);
  BlDtls *client = new_client ();
  Network network = { .random = 1 };
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_FAILED);
  ck_assert_int_eq (bl_dtls_failure (server), BL_DTLS_FAILURE_FINGERPRINT);
  ck_assert_int_eq (bl_dtls_state (client), BL_DTLS_FAILED);
  ck_assert_int_eq (bl_dtls_failure (client), BL_DTLS_FAILURE_ALERT);
  ck_assert_ptr_nonnull (
      strstr (bl_dtls_failure_text (client), "bad certificate"));
  BlSrtpKeys keys;
  ck_assert (!bl_dtls_keys (server, &keys));
  ck_assert (!bl_dtls_keys (client, &keys));
  bl_dtls_free (server);
  bl_dtls_free (client);

  server = new_server ();
  client = bl_dtls_new (client_context, BL_DTLS_CLIENT, &client_print, 1);
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_failure (client), BL_DTLS_FAILURE_FINGERPRINT);
  ck_assert_int_eq (bl_dtls_failure (server), BL_DTLS_FAILURE_ALERT);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (one_of_several_fingerprints_is_enough)
{
  BlFingerprint prints[2] = { server_print, client_print };
  BlDtls *server = bl_dtls_new (server_context, BL_DTLS_SERVER, prints, 2);
  BlDtls *client = new_client ();
  Network network = { .random = 1 };
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_UP);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

static const struct {
  const char *offer;
  BlSrtpProfile chosen; /* NONE: the handshake fails */
} offers[] = {
  { "SRTP_AES128_CM_SHA1_80", BL_SRTP_AES128_CM_SHA1_80 },
  { "SRTP_AEAD_AES_128_GCM", BL_SRTP_AEAD_AES_128_GCM },
  { "SRTP_AEAD_AES_256_GCM", BL_SRTP_AEAD_AES_256_GCM },
  { "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", BL_SRTP_AEAD_AES_128_GCM },
  { "SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80", BL_SRTP_AES128_CM_SHA1_80 },
  { "SRTP_AES128_CM_SHA1_32", BL_SRTP_NONE },
  { NULL, BL_SRTP_NONE },
};
#define N_OFFERS (int)(sizeof offers / sizeof offers[0])

START_TEST (the_server_chooses_among_the_profiles_offered)
{
  Foreign client;
  BlFingerprint print;
  foreign_init (&client, &print);
  if (offers[_i].offer)
    ck_assert_int_eq (
        SSL_CTX_set_tlsext_use_srtp (client.ctx, offers[_i].offer), 0);
  BlDtls *server = bl_dtls_new (server_context, BL_DTLS_SERVER, &print, 1);
  foreign_start (&client, false);
  foreign_talk (&client, server);
  BlSrtpKeys keys;
  if (offers[_i].chosen == BL_SRTP_NONE) {
    ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_FAILED);
    ck_assert_int_eq (bl_dtls_failure (server), BL_DTLS_FAILURE_PROFILE);
    ck_assert (!bl_dtls_keys (server, &keys));
  } else {
    ck_assert_msg (bl_dtls_state (server) == BL_DTLS_UP, "%s",
                   bl_dtls_failure_text (server));
    ck_assert (bl_dtls_keys (server, &keys));
    ck_assert_int_eq (keys.profile, offers[_i].chosen);
  }
  bl_dtls_free (server);
  foreign_clear (&client);
}
END_TEST

/* As older stacks have them; small datagrams cut each message into several.
 * _i: which kind. */
START_TEST (certificates_of_peers_may_be_of_other_kinds)
{
  Foreign client;
  BlFingerprint print;
  EVP_PKEY *key = _i ? EVP_RSA_gen (2048) : EVP_EC_gen ("P-384");
  foreign_init_with (&client, key, &print);
  SSL_CTX_set_tlsext_use_srtp (client.ctx, "SRTP_AES128_CM_SHA1_80");
  BlDtls *server = bl_dtls_new (server_context, BL_DTLS_SERVER, &print, 1);
  foreign_start (&client, false);
  SSL_set_mtu (client.ssl, 300);
  foreign_talk (&client, server);
  ck_assert_msg (bl_dtls_state (server) == BL_DTLS_UP, "%s",
                 bl_dtls_failure_text (server));
  ck_assert_uint_gt (bl_dtls_stats (server)->datagrams_in, 6);
  bl_dtls_free (server);
  foreign_clear (&client);
}
END_TEST

/* RFC 5764 section 4.2, from the other side's own export. */
START_TEST (keys_lie_as_rfc_5764_says)
{
  Foreign server;
  BlFingerprint print;
  foreign_init (&server, &print);
  SSL_CTX_set_tlsext_use_srtp (server.ctx, "SRTP_AES128_CM_SHA1_80");
  BlDtls *client = bl_dtls_new (client_context, BL_DTLS_CLIENT, &print, 1);
  foreign_start (&server, true);
  foreign_talk (&server, client);
  foreign_talk (&server, client);
  BlSrtpKeys keys;
  ck_assert_msg (bl_dtls_keys (client, &keys), "%s",
                 bl_dtls_failure_text (client));
  static const char label[] = "EXTRACTOR-dtls_srtp";
  uint8_t m[60];
  ck_assert_int_eq (SSL_export_keying_material (server.ssl, m, sizeof m, label,
                                                strlen (label), NULL, 0, 0),
                    1);
  ck_assert_mem_eq (keys.local, m, 16);
  ck_assert_mem_eq (keys.remote, m + 16, 16);
  ck_assert_mem_eq (keys.local + 16, m + 32, 14);
  ck_assert_mem_eq (keys.remote + 16, m + 46, 14);
  bl_dtls_free (client);
  foreign_clear (&server);
}
END_TEST

/* A private extension blows the ClientHello up to two fragments, as a key
 * share of ML-KEM does. */
static int
add_bulk (SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
          size_t *length, X509 *x, size_t chain, int *alert, void *arg)
{
  static const unsigned char bulk[1250];
  *out = bulk;
  *length = sizeof bulk;
  return 1;
}

/* _i: 0 in order, 1 the second fragment first, 2 the first one twice. */
START_TEST (a_client_hello_may_come_in_two_datagrams)
{
  Foreign client;
  BlFingerprint print;
  foreign_init (&client, &print);
  SSL_CTX_set_tlsext_use_srtp (client.ctx, "SRTP_AEAD_AES_128_GCM");
  ck_assert (SSL_CTX_add_custom_ext (client.ctx, 0xfeed, SSL_EXT_CLIENT_HELLO,
                                     add_bulk, NULL, NULL, NULL, NULL));
  BlDtls *server = bl_dtls_new (server_context, BL_DTLS_SERVER, &print, 1);
  foreign_start (&client, false);
  uint8_t first[2048], second[2048], out[2048];
  size_t n_first = foreign_next (&client, first);
  size_t n_second = foreign_next (&client, second);
  ck_assert_uint_gt (n_first, 0);
  ck_assert_uint_gt (n_second, 0);
  if (_i == 1)
    bl_dtls_receive (server, second, n_second);
  bl_dtls_receive (server, first, n_first);
  ck_assert (_i == 1 || bl_dtls_next_output (server, out, sizeof out) == 0);
  if (_i == 2)
    bl_dtls_receive (server, first, n_first);
  if (_i != 1)
    bl_dtls_receive (server, second, n_second);
  foreign_talk (&client, server);
  ck_assert_msg (bl_dtls_state (server) == BL_DTLS_UP, "%s",
                 bl_dtls_failure_text (server));
  bl_dtls_free (server);
  foreign_clear (&client);
}
END_TEST

/* --- a ClientHello like a browser's of 2026
 * ------------------------------------ */

typedef struct {
  uint8_t bytes[2048];
  size_t length;
} Text;

static void
put (Text *t, const void *bytes, size_t count)
{
  memcpy (t->bytes + t->length, bytes, count);
  t->length += count;
}

static void
put_be (Text *t, uint64_t value, unsigned width)
{
  while (width-- > 0)
    t->bytes[t->length++] = (uint8_t)(value >> (8 * width));
}

static void
put_extension (Text *t, unsigned type, const void *bytes, size_t count)
{
  put_be (t, type, 2);
  put_be (t, count, 2);
  put (t, bytes, count);
}

/* The extensions of a client that offers DTLS 1.3 and 1.2 and a key share of
 * X25519MLKEM768 (0x11ec) beside one of X25519. */
static void
put_extensions (Text *t)
{
  static const uint8_t groups[] = { 0, 8, 0x11, 0xec, 0, 29, 0, 23, 0, 24 };
  static const uint8_t formats[] = { 1, 0 };
  static const uint8_t signatures[] = { 0, 8, 4, 3, 8, 4, 4, 1, 5, 3 };
  static const uint8_t use_srtp[] = { 0, 6, 0, 7, 0, 8, 0, 1, 0 };
  static const uint8_t versions[] = { 4, 0xfe, 0xfc, 0xfe, 0xfd };
  static const uint8_t psk_modes[] = { 1, 1 };
  put_extension (t, 23, "", 0); /* extended master secret */
  put_extension (t, 0xff01, "", 1);
  put_extension (t, 10, groups, sizeof groups);
  put_extension (t, 11, formats, sizeof formats);
  put_extension (t, 13, signatures, sizeof signatures);
  put_extension (t, 14, use_srtp, sizeof use_srtp);
  put_extension (t, 43, versions, sizeof versions);
  put_extension (t, 45, psk_modes, sizeof psk_modes);
  Text share = { .length = 0 };
  put_be (&share, 4 + 1216 + 4 + 32, 2);
  put_be (&share, 0x11ec, 2);
  put_be (&share, 1216, 2);
  memset (share.bytes + share.length, 0x5a, 1216);
  share.length += 1216;
  put_be (&share, 29, 2);
  put_be (&share, 32, 2);
  memset (share.bytes + share.length, 0x33, 32);
  share.length += 32;
  put_extension (t, 51, share.bytes, share.length);
}

static void
make_hello (Text *hello)
{
  static const uint8_t suites[] = { 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0,
                                    0x2b, 0xc0, 0x2f, 0xcc, 0xa9, 0xcc, 0xa8 };
  put_be (hello, 0xfefd, 2);
  for (int i = 0; i < 32; i++)
    put_be (hello, (uint64_t)i, 1);
  put_be (hello, 0, 1); /* no session */
  put_be (hello, 0, 1); /* no cookie */
  put_be (hello, sizeof suites, 2);
  put (hello, suites, sizeof suites);
  put_be (hello, 0x0100, 2); /* no compression */
  Text extensions = { .length = 0 };
  put_extensions (&extensions);
  put_be (hello, extensions.length, 2);
  put (hello, extensions.bytes, extensions.length);
}

/* A record with bytes from..to of the ClientHello as a fragment. */
static void
make_fragment (Text *record, const Text *hello, unsigned sequence, size_t from,
               size_t to)
{
  record->length = 0;
  put_be (record, 22, 1);
  put_be (record, 0xfeff, 2);
  put_be (record, sequence, 8); /* epoch 0 */
  put_be (record, 12 + to - from, 2);
  put_be (record, 1, 1);
  put_be (record, hello->length, 3);
  put_be (record, 0, 2);
  put_be (record, from, 3);
  put_be (record, to - from, 3);
  put (record, hello->bytes + from, to - from);
}

START_TEST (a_client_that_would_rather_have_dtls_1_3_gets_1_2)
{
  Text hello = { .length = 0 }, one, two;
  make_hello (&hello);
  ck_assert_uint_gt (hello.length, 1200);
  make_fragment (&one, &hello, 0, 0, 1100);
  make_fragment (&two, &hello, 1, 1100, hello.length);
  BlDtls *server = new_server ();
  bl_dtls_receive (server, _i ? two.bytes : one.bytes,
                   _i ? two.length : one.length);
  bl_dtls_receive (server, _i ? one.bytes : two.bytes,
                   _i ? one.length : two.length);
  ck_assert_msg (bl_dtls_state (server) == BL_DTLS_CONNECTING, "%s",
                 bl_dtls_failure_text (server));
  uint8_t flight[BL_DTLS_MTU_BYTES];
  size_t length = bl_dtls_next_output (server, flight, sizeof flight);
  ck_assert_uint_gt (length, 13 + 12 + 2);
  ck_assert_uint_eq (flight[0], 22); /* handshake */
  ck_assert_uint_eq (flight[13], 2); /* ServerHello */
  ck_assert_uint_eq (flight[25], 0xfe);
  ck_assert_uint_eq (flight[26], 0xfd); /* DTLS 1.2 */
  static const uint8_t chosen[] = { 0, 14, 0, 5, 0, 2, 0, 7, 0 };
  bool found = false;
  for (size_t i = 0; i + sizeof chosen <= length; i++)
    found = found || memcmp (flight + i, chosen, sizeof chosen) == 0;
  ck_assert_msg (found, "no use_srtp with AEAD_AES_128_GCM in the ServerHello");
  bl_dtls_free (server);
}
END_TEST

START_TEST (a_goodbye_is_heard_at_the_other_end)
{
  BlDtls *server = new_server (), *client = new_client ();
  Network network = { .random = 1 };
  run (&network, server, client);
  bl_dtls_close (client);
  ck_assert_int_eq (bl_dtls_state (client), BL_DTLS_CLOSED);
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_CLOSED);
  ck_assert_int_eq (bl_dtls_failure (server), BL_DTLS_FAILURE_NONE);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (garbage_changes_nothing)
{
  BlDtls *server = new_server (), *client = new_client ();
  Network network = { .random = 99 };
  uint8_t junk[1500];
  uint8_t out[BL_DTLS_MTU_BYTES];
  for (int round = 0; round < 2; round++) {
    for (unsigned i = 0; i < 2000; i++) {
      size_t length = roll (&network, sizeof junk);
      for (size_t at = 0; at < length; at++)
        junk[at] = (uint8_t)roll (&network, 256);
      junk[0] = (uint8_t)(23 + roll (&network, 41));
      bl_dtls_receive (server, junk, length);
      ck_assert_uint_eq (bl_dtls_next_output (server, out, sizeof out), 0);
    }
    if (round == 0)
      run (&network, server, client);
    ck_assert_msg (bl_dtls_state (server) == BL_DTLS_UP, "%s",
                   bl_dtls_failure_text (server));
  }
  assert_same_keys (server, client, BL_SRTP_AEAD_AES_128_GCM);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (a_caller_who_never_drains_loses_datagrams_only)
{
  BlDtls *server = new_server (), *client = new_client ();
  uint8_t hello[BL_DTLS_MTU_BYTES], out[BL_DTLS_MTU_BYTES];
  size_t length = bl_dtls_next_output (client, hello, sizeof hello);
  bl_dtls_receive (server, hello, length);
  for (int i = 0; i < 8; i++) {
    clock_us = bl_dtls_deadline (server, clock_us);
    bl_dtls_on_deadline (server);
  }
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_CONNECTING);
  ck_assert_uint_gt (bl_dtls_stats (server)->output_dropped, 0);

  /* What is left in the queue is whole, and a drained queue works again. */
  while ((length = bl_dtls_next_output (server, out, sizeof out)) > 0)
    bl_dtls_receive (client, out, length);
  Network network = { .random = 1 };
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_UP);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

START_TEST (a_session_may_outlive_its_context)
{
  BlDtls *server = new_server (), *client = new_client ();
  g_clear_pointer (&server_context, bl_dtls_context_free);
  g_clear_pointer (&client_context, bl_dtls_context_free);
  g_clear_pointer (&server_cert, bl_cert_free);
  Network network = { .random = 1 };
  run (&network, server, client);
  ck_assert_int_eq (bl_dtls_state (server), BL_DTLS_UP);
  bl_dtls_free (server);
  bl_dtls_free (client);
}
END_TEST

/* A whole handshake on a thread of its own; not NULL if it came up. Without a
 * network: the clock stands still. */
static void *
shake_hands_apart (void *unused)
{
  BlDtls *server = new_server (), *client = new_client ();
  uint8_t data[BL_DTLS_MTU_BYTES];
  bool moved = true;
  while (moved) {
    size_t length;
    moved = false;
    while ((length = bl_dtls_next_output (client, data, sizeof data)) > 0) {
      bl_dtls_receive (server, data, length);
      moved = true;
    }
    while ((length = bl_dtls_next_output (server, data, sizeof data)) > 0) {
      bl_dtls_receive (client, data, length);
      moved = true;
    }
  }
  BlSrtpKeys keys;
  bool ok = bl_dtls_keys (server, &keys) && bl_dtls_keys (client, &keys);
  BlSrtp *srtp = ok ? bl_srtp_new (&keys, 1) : NULL;
  ok = ok && srtp;
  bl_srtp_free (srtp);
  bl_dtls_free (server);
  bl_dtls_free (client);
  return ok ? &server_cert : NULL;
}

START_TEST (threads_share_a_context)
{
  GThread *threads[4];
  for (int round = 0; round < 5; round++) {
    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
      threads[i] = g_thread_new ("handshake", shake_hands_apart, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
      ck_assert_ptr_nonnull (g_thread_join (threads[i]));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("secure/dtls");
  TCase *tcase = tcase_create ("dtls");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, both_ends_come_up_with_the_same_keys);
  tcase_add_loop_test (tcase, a_bad_network_delays_but_does_not_stop, 0, 60);
  tcase_add_test (tcase, a_dead_network_ends_in_a_timeout);
  tcase_add_test (tcase, a_certificate_that_sdp_does_not_name_is_refused);
  tcase_add_test (tcase, one_of_several_fingerprints_is_enough);
  tcase_add_loop_test (tcase, the_server_chooses_among_the_profiles_offered, 0,
                       N_OFFERS);
  tcase_add_loop_test (tcase, certificates_of_peers_may_be_of_other_kinds, 0,
                       2);
  tcase_add_test (tcase, keys_lie_as_rfc_5764_says);
  tcase_add_loop_test (tcase, a_client_hello_may_come_in_two_datagrams, 0, 3);
  tcase_add_loop_test (tcase, a_client_that_would_rather_have_dtls_1_3_gets_1_2,
                       0, 2);
  tcase_add_test (tcase, a_goodbye_is_heard_at_the_other_end);
  tcase_add_test (tcase, garbage_changes_nothing);
  tcase_add_test (tcase, a_caller_who_never_drains_loses_datagrams_only);
  tcase_add_test (tcase, a_session_may_outlive_its_context);
  tcase_add_test (tcase, threads_share_a_context);
  suite_add_tcase (suite, tcase);

  return run_suite (suite);
}
