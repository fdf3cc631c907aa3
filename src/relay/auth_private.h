/* SPDX-License-Identifier: Apache-2.0
 *
 * What auth.c (credentials) and auth_sign_in.c (people) share.
 */
#pragma once

#include "relay/auth.h"
#include "relay/throttle.h"
#include "secure/cert.h"

struct BlAuth {
  BlDb *db;
  const BlOptions *options;
  BlCertVerifier *verifier; /* NULL: no vehicles */
  /* Tries to sign in: of an address, of a name from one address, and of a name
   * from anywhere. */
  BlThrottle *by_address, *by_pair, *by_name;
  guint hashing; /* password checks under way */
};
