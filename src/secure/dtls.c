/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/dtls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "secure/cert_private.h"
#include "secure/dtls_goodbye.h"

/* OpenSSL repeats a flight with each of its messages (five at most) in a
 * datagram of its own, and may do so twice before the caller drains. */
#define QUEUE_SLOTS 16

#define FIRST_TIMEOUT_US   100000
#define LONGEST_TIMEOUT_US 2000000

/* IPv4 and UDP; only OpenSSL's arithmetic asks for it. */
#define IP_OVERHEAD_BYTES 28

/* The server takes the first of these that the client offers. */
#define PROFILES                                                               \
  "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM"
/* X25519 takes OpenSSL 0.1 ms less than P-256, at either end. */
#define CURVES "X25519:P-256:P-384"

/* Forward secrecy and an AEAD, for ECDSA and for RSA certificates of peers. */
#define CIPHERS                                                                \
  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                 \
  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                 \
  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

#define EXPORTER_LABEL "EXTRACTOR-dtls_srtp"

struct BlDtlsContext {
  SSL_CTX *ssl_ctx;
};

typedef struct {
  uint16_t length;
  uint8_t data[BL_DTLS_MTU_BYTES];
} Slot;

struct BlDtls {
  SSL *ssl; /* NULL once settled */
  BlDtlsRole role;
  BlDtlsState state;
  BlDtlsFailure failure;
  char failure_text[200];
  BlDtlsStats stats;

  size_t n_fingerprints;
  BlFingerprint fingerprints[BL_DTLS_FINGERPRINTS_MAX];

  /* The datagram that OpenSSL may read now; NULL when it has. */
  const uint8_t *input;
  size_t input_bytes;

  unsigned queue_first, queue_count;
  Slot *queue; /* QUEUE_SLOTS of them; NULL once settled */

  /* When settled: */
  BlDtlsGoodbye goodbye;
  bool goodbye_due; /* it is to be sent */
};

static const struct {
  unsigned long openssl;
  BlSrtpProfile profile;
} profile_ids[] = {
  { SRTP_AEAD_AES_128_GCM, BL_SRTP_AEAD_AES_128_GCM },
  { SRTP_AES128_CM_SHA1_80, BL_SRTP_AES128_CM_SHA1_80 },
  { SRTP_AEAD_AES_256_GCM, BL_SRTP_AEAD_AES_256_GCM },
};

/* --- the BIO: one datagram in, a queue of datagrams out ------------------- */

static int
read_datagram (BIO *bio, char *buffer, int capacity)
{
  BlDtls *dtls = BIO_get_data (bio);
  BIO_clear_retry_flags (bio);
  if (!dtls->input) {
    BIO_set_retry_read (bio);
    return -1;
  }
  /* What doesn't fit is lost, as it would be with recv(). */
  size_t bytes = MIN (dtls->input_bytes, (size_t)MAX (capacity, 0));
  memcpy (buffer, dtls->input, bytes);
  dtls->input = NULL;
  return (int)bytes;
}

/* Never says no: a datagram that finds no room is lost, as on any network. */
static int
write_datagram (BIO *bio, const char *data, int bytes)
{
  BlDtls *dtls = BIO_get_data (bio);
  BIO_clear_retry_flags (bio);
  if (bytes <= 0)
    return 0;
  if (dtls->queue_count == QUEUE_SLOTS || bytes > BL_DTLS_MTU_BYTES) {
    dtls->stats.output_dropped++;
    return bytes;
  }
  unsigned at = (dtls->queue_first + dtls->queue_count++) % QUEUE_SLOTS;
  memcpy (dtls->queue[at].data, data, (size_t)bytes);
  dtls->queue[at].length = (uint16_t)bytes;
  return bytes;
}

static long
control (BIO *bio, int command, long number, void *pointer)
{
  switch (command) {
  case BIO_CTRL_FLUSH:
    return 1;
  case BIO_CTRL_DGRAM_QUERY_MTU:
  case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
    return BL_DTLS_MTU_BYTES;
  case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
    return IP_OVERHEAD_BYTES;
  default:
    return 0;
  }
}

static BIO_METHOD *
datagram_method (void)
{
  static gsize made;
  if (g_once_init_enter (&made)) {
    int type = BIO_get_new_index () | BIO_TYPE_SOURCE_SINK;
    BIO_METHOD *method = BIO_meth_new (type, "bluelight datagrams");
    bl_assert (method);
    BIO_meth_set_read (method, read_datagram);
    BIO_meth_set_write (method, write_datagram);
    BIO_meth_set_ctrl (method, control);
    g_once_init_leave (&made, (gsize)method);
  }
  return (BIO_METHOD *)made;
}

/* --- the context -----------------------------------------------------------
 */

/* The only check of a peer's certificate: is it the one that SDP names? Its
 * issuer, names and dates mean nothing in WebRTC (RFC 8827 section 6.5). */
static int
check_fingerprint (X509_STORE_CTX *check, void *unused)
{
  int index = SSL_get_ex_data_X509_STORE_CTX_idx ();
  SSL *ssl = X509_STORE_CTX_get_ex_data (check, index);
  BlDtls *dtls = SSL_get_app_data (ssl);
  unsigned char *der = NULL;
  int length = i2d_X509 (X509_STORE_CTX_get0_cert (check), &der);
  bool match
      = length > 0
        && bl_fingerprint_match_der (dtls->fingerprints, dtls->n_fingerprints,
                                     der, (size_t)length);
  OPENSSL_free (der);
  if (match)
    return 1;
  dtls->failure = BL_DTLS_FAILURE_FINGERPRINT;
  /* The one that OpenSSL tells the peer as bad_certificate. */
  X509_STORE_CTX_set_error (check, X509_V_ERR_CERT_REJECTED);
  return 0;
}

static bool
configure (SSL_CTX *ctx, const BlCert *cert)
{
  SSL_CTX_set_options (
      ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION
               | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode (ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify (ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                      NULL);
  SSL_CTX_set_cert_verify_callback (ctx, check_fingerprint, NULL);
  /* Without it a peer's record of several datagrams' worth is cut. */
  SSL_CTX_set_read_ahead (ctx, 1);
  return SSL_CTX_set_min_proto_version (ctx, DTLS1_2_VERSION)
         && SSL_CTX_set_max_proto_version (ctx, DTLS1_2_VERSION)
         && SSL_CTX_set_cipher_list (ctx, CIPHERS)
         && SSL_CTX_set1_groups_list (ctx, CURVES)
         && SSL_CTX_use_certificate (ctx, cert->x509)
         && SSL_CTX_use_PrivateKey (ctx, cert->key)
         /* Zero is success, for this one alone. */
         && SSL_CTX_set_tlsext_use_srtp (ctx, PROFILES) == 0;
}

BlDtlsContext *
bl_dtls_context_new (const BlCert *cert, GError **error)
{
  ERR_clear_error ();
  SSL_CTX *ctx = SSL_CTX_new (DTLS_method ());
  if (!ctx || !configure (ctx, cert)) {
    g_autofree char *reason = bl_openssl_reason ();
    g_set_error (error, BL_CERT_ERROR, BL_CERT_ERROR_FAILED,
                 "can't set up DTLS with this certificate: %s", reason);
    SSL_CTX_free (ctx);
    return NULL;
  }
  BlDtlsContext *context = g_new0 (BlDtlsContext, 1);
  context->ssl_ctx = ctx;
  return context;
}

void
bl_dtls_context_free (BlDtlsContext *context)
{
  if (!context)
    return;
  SSL_CTX_free (context->ssl_ctx);
  g_free (context);
}

/* --- one session ------------------------------------------------------------
 */

static BlDtlsState
fail (BlDtls *dtls, BlDtlsFailure failure, const char *text)
{
  dtls->state = BL_DTLS_FAILED;
  dtls->failure = failure;
  g_strlcpy (dtls->failure_text, text, sizeof dtls->failure_text);
  return dtls->state;
}

/* Turns OpenSSL's last error into ours. */
static BlDtlsState
fail_by_openssl (BlDtls *dtls)
{
  unsigned long code = ERR_peek_last_error ();
  int reason = ERR_GET_REASON (code);
  char why[128] = "no reason given";
  if (code)
    ERR_error_string_n (code, why, sizeof why);
  ERR_clear_error ();
  char text[200];
  if (dtls->failure == BL_DTLS_FAILURE_FINGERPRINT)
    return fail (dtls, dtls->failure,
                 "the peer's certificate is not the one its SDP names: "
                 "something sits between, or the SDP is of another session");
  if (reason == SSL_R_READ_TIMEOUT_EXPIRED)
    return fail (dtls, BL_DTLS_FAILURE_TIMEOUT,
                 "the peer did not answer the DTLS handshake in time");
  /* OpenSSL numbers the alerts it receives from 1000 on. */
  bool alert = reason >= SSL_AD_REASON_OFFSET;
  g_snprintf (text, sizeof text, "%s: %s",
              alert ? "the peer ended DTLS with an alert" : "DTLS failed", why);
  return fail (dtls, alert ? BL_DTLS_FAILURE_ALERT : BL_DTLS_FAILURE_PROTOCOL,
               text);
}

static BlSrtpProfile
chosen_profile (BlDtls *dtls)
{
  const SRTP_PROTECTION_PROFILE *chosen
      = SSL_get_selected_srtp_profile (dtls->ssl);
  for (size_t i = 0; chosen && i < G_N_ELEMENTS (profile_ids); i++)
    if (profile_ids[i].openssl == chosen->id)
      return profile_ids[i].profile;
  return BL_SRTP_NONE;
}

/* Goes on with the handshake; the state after it. */
static BlDtlsState
shake_hands (BlDtls *dtls)
{
  ERR_clear_error ();
  int result = SSL_do_handshake (dtls->ssl);
  if (result == 1) {
    if (chosen_profile (dtls) == BL_SRTP_NONE) {
      SSL_shutdown (dtls->ssl);
      return fail (dtls, BL_DTLS_FAILURE_PROFILE,
                   "the peer offers no SRTP profile that we know");
    }
    return dtls->state = BL_DTLS_UP;
  }
  int error = SSL_get_error (dtls->ssl, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    return dtls->state;
  return fail_by_openssl (dtls);
}

static void
say_goodbye (BlDtls *dtls)
{
  if (dtls->ssl)
    SSL_shutdown (dtls->ssl);
  else
    dtls->goodbye_due = true;
}

/* Reads what the peer sends once it is up: alerts, repetitions of its last
 * flight, and data that nobody wants. */
static BlDtlsState
read_records (BlDtls *dtls)
{
  uint8_t unwanted[2048];
  int bytes;
  ERR_clear_error ();
  while ((bytes = SSL_read (dtls->ssl, unwanted, sizeof unwanted)) > 0)
    dtls->stats.application_bytes += (uint32_t)bytes;
  switch (SSL_get_error (dtls->ssl, bytes)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return dtls->state;
  case SSL_ERROR_ZERO_RETURN:
    say_goodbye (dtls);
    return dtls->state = BL_DTLS_CLOSED;
  default:
    return fail_by_openssl (dtls);
  }
}

/* For OpenSSL: the next timeout after the one that has passed, 0 at first. */
static unsigned int
next_timeout (SSL *ssl, unsigned int passed_us)
{
  if (passed_us == 0)
    return FIRST_TIMEOUT_US;
  return MIN (passed_us * 2, LONGEST_TIMEOUT_US);
}

static bool
open_ssl (BlDtls *dtls, const BlDtlsContext *context)
{
  dtls->ssl = SSL_new (context->ssl_ctx);
  BIO *bio = BIO_new (datagram_method ());
  if (!dtls->ssl || !bio) {
    BIO_free (bio);
    return false;
  }
  BIO_set_data (bio, dtls);
  BIO_set_init (bio, 1);
  SSL_set_bio (dtls->ssl, bio, bio);
  SSL_set_app_data (dtls->ssl, dtls);
  SSL_set_mtu (dtls->ssl, BL_DTLS_MTU_BYTES);
  DTLS_set_timer_cb (dtls->ssl, next_timeout);
  return true;
}

BlDtls *
bl_dtls_new (const BlDtlsContext *context, BlDtlsRole role,
             const BlFingerprint *fingerprints, size_t count)
{
  bl_assert (count > 0 && count <= BL_DTLS_FINGERPRINTS_MAX);
  BlDtls *dtls = calloc (1, sizeof *dtls);
  if (!dtls)
    return NULL;
  dtls->queue = calloc (QUEUE_SLOTS, sizeof *dtls->queue);
  dtls->role = role;
  dtls->n_fingerprints = count;
  memcpy (dtls->fingerprints, fingerprints, count * sizeof *fingerprints);
  if (!dtls->queue || !open_ssl (dtls, context)) {
    bl_dtls_free (dtls);
    return NULL;
  }
  if (role == BL_DTLS_SERVER) {
    SSL_set_accept_state (dtls->ssl);
  } else {
    SSL_set_connect_state (dtls->ssl);
    shake_hands (dtls);
  }
  return dtls;
}

void
bl_dtls_free (BlDtls *dtls)
{
  if (!dtls)
    return;
  bl_dtls_goodbye_clear (&dtls->goodbye);
  SSL_free (dtls->ssl);
  free (dtls->queue);
  free (dtls);
}

/* A settled session's share of bl_dtls_receive(). */
static BlDtlsState
hear (BlDtls *dtls, const uint8_t *datagram, size_t length)
{
  switch (bl_dtls_goodbye_hear (&dtls->goodbye, datagram, length)) {
  case BL_DTLS_HEARD_NOTHING:
    break;
  case BL_DTLS_HEARD_CLOSE:
    say_goodbye (dtls);
    return dtls->state = BL_DTLS_CLOSED;
  case BL_DTLS_HEARD_FATAL:
    return fail (dtls, BL_DTLS_FAILURE_ALERT,
                 "the peer ended DTLS with a fatal alert");
  }
  return dtls->state;
}

BlDtlsState
bl_dtls_receive (BlDtls *dtls, const uint8_t *datagram, size_t length)
{
  dtls->stats.datagrams_in++;
  if (dtls->state >= BL_DTLS_CLOSED || length == 0)
    return dtls->state;
  if (!dtls->ssl)
    return hear (dtls, datagram, length);
  dtls->input = datagram;
  dtls->input_bytes = length;
  if (dtls->state == BL_DTLS_CONNECTING)
    shake_hands (dtls);
  /* Also at once after the handshake: data may follow in the datagram. */
  if (dtls->state == BL_DTLS_UP)
    read_records (dtls);
  dtls->input = NULL;
  return dtls->state;
}

static size_t
take_output (BlDtls *dtls, uint8_t *buffer, size_t capacity)
{
  const Slot *slot = &dtls->queue[dtls->queue_first];
  if (dtls->queue_count == 0 || slot->length > capacity)
    return 0;
  memcpy (buffer, slot->data, slot->length);
  dtls->queue_first = (dtls->queue_first + 1) % QUEUE_SLOTS;
  dtls->queue_count--;
  return slot->length;
}

static size_t
take_goodbye (BlDtls *dtls, uint8_t *buffer)
{
  if (!dtls->goodbye_due)
    return 0;
  dtls->goodbye_due = false;
  memcpy (buffer, dtls->goodbye.sealed, dtls->goodbye.sealed_bytes);
  return dtls->goodbye.sealed_bytes;
}

size_t
bl_dtls_next_output (BlDtls *dtls, uint8_t *buffer, size_t capacity)
{
  bl_assert (capacity >= BL_DTLS_MTU_BYTES);
  size_t length = dtls->ssl ? take_output (dtls, buffer, capacity)
                            : take_goodbye (dtls, buffer);
  dtls->stats.datagrams_out += length > 0;
  return length;
}

bool
bl_dtls_settle (BlDtls *dtls)
{
  if (!dtls->ssl)
    return true;
  if (dtls->state != BL_DTLS_UP || dtls->queue_count > 0)
    return false;
  BlDtlsGoodbye *goodbye = &dtls->goodbye;
  ERR_clear_error ();
  if (!bl_dtls_goodbye_init (goodbye, dtls->ssl, dtls->role == BL_DTLS_SERVER))
    return false;
  SSL_shutdown (dtls->ssl);
  goodbye->sealed_bytes
      = take_output (dtls, goodbye->sealed, sizeof goodbye->sealed);
  SSL_free (dtls->ssl);
  free (dtls->queue);
  dtls->ssl = NULL;
  dtls->queue = NULL;
  return true;
}

BlTime
bl_dtls_deadline (const BlDtls *dtls, BlTime now)
{
  struct timeval left;
  if (dtls->state != BL_DTLS_CONNECTING
      || DTLSv1_get_timeout (dtls->ssl, &left) != 1)
    return BL_TIME_NEVER;
  return now + left.tv_sec * BL_SECOND + left.tv_usec;
}

BlDtlsState
bl_dtls_on_deadline (BlDtls *dtls)
{
  if (dtls->state != BL_DTLS_CONNECTING)
    return dtls->state;
  ERR_clear_error ();
  if (DTLSv1_handle_timeout (dtls->ssl) < 0)
    fail_by_openssl (dtls);
  return dtls->state;
}

void
bl_dtls_close (BlDtls *dtls)
{
  if (dtls->state == BL_DTLS_UP) {
    ERR_clear_error ();
    say_goodbye (dtls);
  }
  if (dtls->state != BL_DTLS_FAILED)
    dtls->state = BL_DTLS_CLOSED;
}

BlDtlsState
bl_dtls_state (const BlDtls *dtls)
{
  return dtls->state;
}

BlDtlsFailure
bl_dtls_failure (const BlDtls *dtls)
{
  return dtls->failure;
}

const char *
bl_dtls_failure_text (const BlDtls *dtls)
{
  return dtls->failure_text;
}

const BlDtlsStats *
bl_dtls_stats (const BlDtls *dtls)
{
  return &dtls->stats;
}

bool
bl_dtls_keys (BlDtls *dtls, BlSrtpKeys *out_keys)
{
  if (dtls->state != BL_DTLS_UP || !dtls->ssl)
    return false;
  BlSrtpKeys keys = { .profile = chosen_profile (dtls) };
  size_t key = bl_srtp_key_bytes (keys.profile);
  size_t salt = bl_srtp_salt_bytes (keys.profile);

  /* Client's key, server's key, client's salt, server's salt. */
  uint8_t material[2 * BL_SRTP_MASTER_MAX];
  bool ok = SSL_export_keying_material (dtls->ssl, material, 2 * (key + salt),
                                        EXPORTER_LABEL, strlen (EXPORTER_LABEL),
                                        NULL, 0, 0)
            == 1;
  if (ok) {
    bool server = dtls->role == BL_DTLS_SERVER;
    uint8_t *of_client = server ? keys.remote : keys.local;
    uint8_t *of_server = server ? keys.local : keys.remote;
    memcpy (of_client, material, key);
    memcpy (of_server, material + key, key);
    memcpy (of_client + key, material + 2 * key, salt);
    memcpy (of_server + key, material + 2 * key + salt, salt);
    *out_keys = keys;
  }
  OPENSSL_cleanse (material, sizeof material);
  bl_srtp_keys_clear (&keys);
  return ok;
}
