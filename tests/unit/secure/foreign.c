/* SPDX-License-Identifier: Apache-2.0 */
#include "foreign.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static int
accept_any (X509_STORE_CTX *check, void *unused)
{
  return 1;
}

void
foreign_init_with (Foreign *f, EVP_PKEY *key, BlFingerprint *out_print)
{
  f->ctx = SSL_CTX_new (DTLS_method ());
  X509 *x509 = X509_new ();
  X509_set_version (x509, 2);
  X509_gmtime_adj (X509_getm_notBefore (x509), 0);
  X509_gmtime_adj (X509_getm_notAfter (x509), 3600);
  X509_set_pubkey (x509, key);
  ck_assert (X509_sign (x509, key, EVP_sha256 ()));
  ck_assert (SSL_CTX_use_certificate (f->ctx, x509));
  ck_assert (SSL_CTX_use_PrivateKey (f->ctx, key));
  SSL_CTX_set_options (f->ctx, SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_verify (f->ctx, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_cert_verify_callback (f->ctx, accept_any, NULL);
  *out_print = (BlFingerprint){ .hash = BL_FINGERPRINT_SHA384, .length = 48 };
  ck_assert (X509_digest (x509, EVP_sha384 (), out_print->bytes, NULL));
  X509_free (x509);
  EVP_PKEY_free (key);
}

void
foreign_init (Foreign *f, BlFingerprint *out_print)
{
  foreign_init_with (f, EVP_EC_gen ("P-256"), out_print);
}

void
foreign_start (Foreign *f, bool server)
{
  f->ssl = SSL_new (f->ctx);
  BIO *in = BIO_new (BIO_s_mem ()), *out = BIO_new (BIO_s_mem ());
  BIO_set_mem_eof_return (in, -1);
  SSL_set_bio (f->ssl, in, out);
  SSL_set_mtu (f->ssl, 1200);
  if (server)
    SSL_set_accept_state (f->ssl);
  else
    SSL_set_connect_state (f->ssl);
  SSL_do_handshake (f->ssl);
}

void
foreign_clear (Foreign *f)
{
  SSL_free (f->ssl);
  SSL_CTX_free (f->ctx);
}

size_t
foreign_next (Foreign *f, uint8_t *record)
{
  BIO *out = SSL_get_wbio (f->ssl);
  if (BIO_read (out, record, 13) != 13)
    return 0;
  int length = record[11] << 8 | record[12];
  ck_assert_int_eq (BIO_read (out, record + 13, length), length);
  return 13 + (size_t)length;
}

void
foreign_talk (Foreign *f, BlDtls *ours)
{
  uint8_t data[2048];
  size_t length;
  bool moved = true;
  while (moved) {
    moved = false;
    while ((length = foreign_next (f, data)) > 0) {
      bl_dtls_receive (ours, data, length);
      moved = true;
    }
    while ((length = bl_dtls_next_output (ours, data, sizeof data)) > 0) {
      BIO_write (SSL_get_rbio (f->ssl), data, (int)length);
      SSL_do_handshake (f->ssl);
      moved = true;
    }
  }
}
